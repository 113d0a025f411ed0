// Calls itself once for every day of a stretch: a long one overflows the call stack.
function endOfStretch(steps, tolerance, day, low, high) {
  if (day === steps.length) return day;
  low = Math.min(low, steps[day]);
  high = Math.max(high, steps[day]);
  if (high - low > tolerance) return day;
  return endOfStretch(steps, tolerance, day + 1, low, high);
}

function steadyPace(steps, tolerance) {
  let longest = 0;
  for (let start = 0; start < steps.length; start++) {
    const end = endOfStretch(steps, tolerance, start, steps[start], steps[start]);
    longest = Math.max(longest, end - start);
  }
  return longest;
}
