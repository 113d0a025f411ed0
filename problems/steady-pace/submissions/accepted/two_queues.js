// A queue of days whose numbers only fall (sign 1) or only rise (sign -1).
class Extreme {
  constructor(steps, sign) {
    this.steps = steps;
    this.sign = sign;
    this.days = [];
    this.front = 0;
  }

  push(day) {
    const value = this.sign * this.steps[day];
    while (this.days.length > this.front && this.sign * this.steps[this.days.at(-1)] <= value) this.days.pop();
    this.days.push(day);
  }

  valueFrom(start) {
    while (this.days[this.front] < start) this.front++;
    return this.steps[this.days[this.front]];
  }
}

function steadyPace(steps, tolerance) {
  const largest = new Extreme(steps, 1);
  const smallest = new Extreme(steps, -1);
  let start = 0;
  let longest = 0;
  for (let end = 0; end < steps.length; end++) {
    largest.push(end);
    smallest.push(end);
    while (largest.valueFrom(start) - smallest.valueFrom(start) > tolerance) start++;
    longest = Math.max(longest, end - start + 1);
  }
  return longest;
}
