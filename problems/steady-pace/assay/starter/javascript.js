function steadyPace(steps, tolerance) {
  return 0;
}
