function runningTotal(nums: number[]): number[] {
    let total = 0;
    return nums.map(x => total += x);
};
