// Asks for the day after the last one, which has no steps to compare.
function steadyPace(steps, tolerance) {
  let longest = 0;
  for (let start = 0; start < steps.length; start++) {
    let [low, high] = [steps[start], steps[start]];
    let end = start;
    while (high - low <= tolerance) {
      end++;
      const step = steps[end].valueOf();
      low = Math.min(low, step);
      high = Math.max(high, step);
    }
    longest = Math.max(longest, end - start);
  }
  return longest;
}
