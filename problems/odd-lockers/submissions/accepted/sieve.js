const LOCKERS = 1_000_000;
const keepers = new Uint8Array(LOCKERS + 1);
for (let p = 2; p <= LOCKERS; p++) {
  if (keepers[p] > 0) continue;
  for (let multiple = p; multiple <= LOCKERS; multiple += p) keepers[multiple]++;
}
const upTo = new Int32Array(LOCKERS + 1);
for (let k = 1; k <= LOCKERS; k++) upTo[k] = upTo[k - 1] + (keepers[k] % 2);

const numbers = require("fs").readFileSync(0, "utf8").split(/\s+/).map(Number);
const answers = [];
for (let i = 0; i < numbers[0]; i++) {
  answers.push(upTo[numbers[2 + 2 * i]] - upTo[numbers[1 + 2 * i] - 1]);
}
console.log(answers.join("\n"));
