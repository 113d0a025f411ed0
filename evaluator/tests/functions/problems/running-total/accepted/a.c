int* runningTotal(int* nums, int numsSize, int* returnSize) {
    int* totals = malloc(numsSize * sizeof(int));
    int total = 0;
    for (int i = 0; i < numsSize; i++) totals[i] = total += nums[i];
    *returnSize = numsSize;
    return totals;
}
