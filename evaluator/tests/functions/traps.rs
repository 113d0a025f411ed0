//! What goes wrong in submissions, by accident or on purpose, in every language where it can. Each
//! trap has its place in a table: the verdict of each case, and what the outcomes must show.

use domain::submission::TestOutcome;
use futures::StreamExt;
use sandbox::Adapter;
use serde_json::json;

use crate::judge::{Judge, Problem, in_short, shown};

/// The number of submissions that are judged at the same time.
const AT_ONCE: usize = 2;

/// In containers, one of this many traps is tried.
const IN_CONTAINERS: usize = 3;

/// A submission to the problem `twice`: four cases, which should give 2, 4, 6 and 8.
struct Trap {
    name: &'static str,
    language: &'static str,
    source: &'static str,
    /// The verdicts in short, or `CE`.
    expected: &'static str,
    /// What standard output, standard error, the note and the result of all cases together, or the
    /// compiler's messages, must contain.
    says: &'static [&'static str],
}

fn trap(
    name: &'static str,
    language: &'static str,
    source: &'static str,
    expected: &'static str,
    says: &'static [&'static str],
) -> Trap {
    Trap { name, language, source, expected, says }
}

fn twice() -> Problem {
    let declaration = r#"
        function = "twice"
        params = [{ name = "n", type = "int" }]
        returns = "int"
    "#;
    let cases = [1, 2, 3, 4].map(|n| (json!([n]), json!(2 * n)));
    Problem::new(declaration, &cases)
}

fn python() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "python3", source, expected, says);
    vec![
        trap(
            "prints",
            "class Solution:\n    def twice(self, n):\n        print('seen', n)\n        return 2 * n\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "prints too much",
            "class Solution:\n    def twice(self, n):\n        if n == 2:\n            while True: print('x' * 1000)\n        return 2 * n\n",
            "AC OLE AC AC",
            &[],
        ),
        trap(
            "closes its output",
            "import os\nclass Solution:\n    def twice(self, n):\n        os.close(1)\n        return 2 * n\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "forges an answer",
            "import os, struct\nclass Solution:\n    def twice(self, n):\n        os.write(4, struct.pack('<iBiB', 6, 0, 2 * n, 0))\n        os._exit(0)\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "forges two answers",
            "import os, struct\nclass Solution:\n    def twice(self, n):\n        os.write(4, struct.pack('<iBiB', 6, 0, 2 * n, 0) * 2)\n        os._exit(0)\n",
            "RE RE RE RE",
            &["before the function returned"],
        ),
        trap(
            "closes the way of answers",
            "import os\nclass Solution:\n    def twice(self, n):\n        if n == 2: os.close(4)\n        return 2 * n\n",
            "AC RE AC AC",
            &[],
        ),
        trap(
            "exits",
            "import sys\nclass Solution:\n    def twice(self, n):\n        if n == 3: sys.exit(0)\n        return 2 * n\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "exits at once",
            "import os\nclass Solution:\n    def twice(self, n):\n        if n == 3: os._exit(7)\n        return 2 * n\n",
            "AC AC RE AC",
            &[],
        ),
        trap(
            "works after the end",
            "import atexit, threading, time\nclass Solution:\n    def twice(self, n):\n        atexit.register(print, 'late')\n        threading.Thread(target=lambda: (time.sleep(9), print('late'))).start()\n        return 2 * n\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "counts in a global",
            "count = 0\nclass Solution:\n    seen = []\n    def twice(self, n, kept=[]):\n        global count\n        count += 1\n        kept.append(n)\n        self.seen.append(n)\n        return 2 * n + (count + len(kept) + len(self.seen) - 3)\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "computes ahead",
            "import time\nend = time.process_time() + 1.6\nwhile time.process_time() < end: pass\nclass Solution:\n    def twice(self, n):\n        end = time.process_time() + 2\n        while n == 2 and time.process_time() < end: pass\n        return 2 * n\n",
            "AC TLE AC AC",
            &[],
        ),
        trap(
            "crashes",
            "import ctypes\nclass Solution:\n    def twice(self, n):\n        if n == 2: ctypes.string_at(0)\n        return 2 * n\n",
            "AC RE AC AC",
            &[],
        ),
        trap(
            "never ends",
            "class Solution:\n    def twice(self, n):\n        while n == 3: pass\n        return 2 * n\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "is slow in every case",
            "import time\nclass Solution:\n    def twice(self, n):\n        end = time.process_time() + 1.5\n        while time.process_time() < end: pass\n        return 2 * n\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "kills the driver",
            "import os, signal\nclass Solution:\n    def twice(self, n):\n        if n == 2: os.kill(os.getppid(), signal.SIGKILL)\n        return 2 * n\n",
            "AC RE AC AC",
            &[],
        ),
        trap(
            "leaves a process",
            "import os, time\nclass Solution:\n    def twice(self, n):\n        if os.fork() == 0:\n            time.sleep(9)\n            os._exit(0)\n        return 2 * n\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "leaves a file",
            "import os\nclass Solution:\n    def twice(self, n):\n        known = os.path.exists('/tmp/memo')\n        open('/tmp/memo', 'w').write('x')\n        return 2 * n + known\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "returns nothing",
            "class Solution:\n    def twice(self, n):\n        pass\n",
            "WA WA WA WA",
            &["expected an int (32 bits), and it is None"],
        ),
        trap(
            "returns too large a number",
            "class Solution:\n    def twice(self, n):\n        return 2 * n if n < 3 else 2 ** 31\n",
            "AC AC WA WA",
            &["2147483648 is no int (32 bits)"],
        ),
        trap(
            "returns a float",
            "class Solution:\n    def twice(self, n):\n        return 2.0 * n\n",
            "WA WA WA WA",
            &["expected an int (32 bits), and it is a value of type float"],
        ),
        trap(
            "lies",
            "class Any(int):\n    def __eq__(self, other): return True\nclass Solution:\n    def twice(self, n):\n        return Any(7)\n",
            "WA WA WA WA",
            &["7"],
        ),
        trap(
            "looks for the answer",
            "import sys\nclass Solution:\n    def twice(self, n):\n        if n != 4: return 2 * n\n        frame, found = sys._getframe(), []\n        while frame:\n            found += [v for v in frame.f_locals.values() if v == 2 * n]\n            frame = frame.f_back\n        return found[0] if found else 0\n",
            "AC AC AC WA",
            &[],
        ),
        trap(
            "defines a main",
            "if __name__ == '__main__':\n    raise SystemExit\nclass Solution:\n    def twice(self, n): return 2 * n\ndef main(): pass\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "hides a built-in",
            "from math import *\nfrom typing import *\nclass Solution:\n    def twice(self, n: int) -> int: return pow(n, 1, 1000) * 2\n",
            "AC AC AC AC",
            &[],
        ),
        trap("is a bare function", "def twice(n): return 2 * n\n", "AC AC AC AC", &[]),
        trap(
            "has another name",
            "class Solution:\n    def double(self, n): return 2 * n\n",
            "RE RE RE RE",
            &["twice"],
        ),
        trap(
            "takes other parameters",
            "class Solution:\n    def twice(self, n, m): return 2 * n\n",
            "RE RE RE RE",
            &["missing 1 required positional argument: 'm'"],
        ),
        trap(
            "throws",
            "class Solution:\n    def twice(self, n):\n        if n == 4:\n            return [][n]\n        return 2 * n\n",
            "AC AC AC RE",
            &["solution.py\", line 4, in twice", "IndexError"],
        ),
        trap(
            "does not load",
            "raise ValueError('no')\n",
            "RE RE RE RE",
            &["solution.py\", line 1", "ValueError: no"],
        ),
        trap(
            "does not compile",
            "class Solution:\n    def twice(self, n) return 2\n",
            "CE",
            &["solution.py\", line 2"],
        ),
        trap(
            "recurses deeply",
            "class Solution:\n    def twice(self, n):\n        def f(k): return 0 if k == 0 else 1 + f(k - 1)\n        return 2 * n + f(50000) - 50000\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "recurses for ever",
            "class Solution:\n    def twice(self, n):\n        return self.twice(n) if n == 2 else 2 * n\n",
            "AC MLE AC AC",
            &[],
        ),
        trap(
            "is random",
            "import random, os\nkept = set()\nclass Solution:\n    def twice(self, n):\n        print(random.random())\n        return 2 * n\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "takes all memory",
            "class Solution:\n    def twice(self, n):\n        kept = []\n        while n == 2: kept.append(bytearray(b'x') * (1 << 20))\n        return 2 * n\n",
            "AC MLE AC AC",
            &[],
        ),
    ]
}

fn cpp() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "cpp", source, expected, says);
    vec![
        trap(
            "prints",
            "class Solution { public: int twice(int n) { cout << \"seen \" << n; printf(\"!\"); return 2 * n; } };",
            "AC AC AC AC",
            &["seen 1!", "seen 4!"],
        ),
        trap(
            "prints too much",
            "class Solution { public: int twice(int n) { while (n == 2) puts(\"xxxxxxxxxxxxxxxxxxxxxxxxxx\"); return 2 * n; } };",
            "AC OLE AC AC",
            &[],
        ),
        trap(
            "closes its output",
            "#include <unistd.h>\nclass Solution { public: int twice(int n) { close(1); cout << 1; return 2 * n; } };",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "forges an answer",
            "#include <unistd.h>\nclass Solution { public: int twice(int n) { char f[10] = {6, 0, 0, 0, 0, (char)(2 * n)}; write(4, f, 10); _exit(0); } };",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "forges two answers",
            "#include <unistd.h>\nclass Solution { public: int twice(int n) { char f[20] = {6, 0, 0, 0, 0, (char)(2 * n), 0, 0, 0, 0, 6, 0, 0, 0, 0, 9}; write(4, f, 20); _exit(0); } };",
            "RE RE RE RE",
            &["before the function returned"],
        ),
        trap(
            "closes the way of answers",
            "#include <unistd.h>\nclass Solution { public: int twice(int n) { if (n == 2) close(4); return 2 * n; } };",
            "AC RE AC AC",
            &[],
        ),
        trap(
            "exits",
            "class Solution { public: int twice(int n) { if (n == 3) exit(0); return 2 * n; } };",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "works after the end",
            "struct Late { ~Late() { puts(\"late\"); } } late;\nclass Solution { public: int twice(int n) { atexit([] { puts(\"late\"); }); return 2 * n; } };",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "counts in a static",
            "int count_ = 0;\nclass Solution { public: static int kept; int twice(int n) { static int seen = 0; return 2 * n + (++count_ + ++seen + ++kept - 3); } };\nint Solution::kept = 0;",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "computes ahead",
            "struct Ahead { Ahead() { while (clock() < 8 * CLOCKS_PER_SEC / 5) {} } } ahead;\nclass Solution { public: int twice(int n) { while (n == 2 && clock() < 4 * CLOCKS_PER_SEC) {} return 2 * n; } };",
            "AC TLE AC AC",
            &[],
        ),
        trap(
            "crashes",
            "class Solution { public: int twice(int n) { if (n == 2) *(volatile int *)nullptr = 1; return 2 * n; } };",
            "AC RE AC AC",
            &[],
        ),
        trap(
            "never ends",
            "class Solution { public: int twice(int n) { while (n == 3) { volatile int x = 0; (void)x; } return 2 * n; } };",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "returns too large a number",
            "class Solution { public: long long twice(int n) { return n < 3 ? 2 * n : 1LL << 31; } };",
            "AC AC WA WA",
            &["2147483648 is no int (32 bits)"],
        ),
        trap(
            "int is long long",
            "#include <bits/stdc++.h>\nusing namespace std;\n#define int long long\n#define private public\n#define all(x) x.begin(), x.end()\nclass Solution { private: int twice(int n) { return 2 * n; } };\nsigned main() { return 1; }",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "main is a macro",
            "#define main int x; int main\nclass Solution { public: int twice(int n) { return 2 * n; } };",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "overloads",
            "class Solution { public: int twice(int n) { return twice(n, 2); } int twice(int n, int m) { return n * m; } };",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has another name",
            "class Solution { public: int dbl(int n) { return 2 * n; } };",
            "CE",
            &["there is no `int twice(int n)`"],
        ),
        trap(
            "takes other parameters",
            "class Solution { public: int twice(int n, int m) { return 2 * n; } };",
            "CE",
            &["there is no `int twice(int n)`"],
        ),
        trap(
            "is private",
            "class Solution { int twice(int n) { return 2 * n; } };",
            "CE",
            &["private"],
        ),
        trap(
            "does not compile",
            "class Solution {\npublic:\n    int twice(int n) { return x; }\n};",
            "CE",
            &["solution.cpp:3:"],
        ),
        trap(
            "throws",
            "class Solution { public: int twice(int n) { if (n == 4) throw runtime_error(\"too large\"); return 2 * n; } };",
            "AC AC AC RE",
            &["too large"],
        ),
        trap(
            "recurses deeply",
            "class Solution { public: int f(int k) { volatile char c[64]; c[0] = 1; return k == 0 ? 0 : c[0] + f(k - 1); } int twice(int n) { return 2 * n + f(100000) - 100000; } };",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "takes all memory",
            "class Solution { public: int twice(int n) { vector<vector<char>> kept; while (n == 2) kept.emplace_back(1 << 20, 'x'); return 2 * n; } };",
            "AC MLE AC AC",
            &[],
        ),
    ]
}

fn go() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "go", source, expected, says);
    vec![
        trap(
            "prints",
            "func twice(n int) int {\n\tfmt.Println(\"seen\", n)\n\treturn 2 * n\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "prints too much",
            "func twice(n int) int {\n\tfor n == 2 {\n\t\tfmt.Println(strings.Repeat(\"x\", 1000))\n\t}\n\treturn 2 * n\n}\n",
            "AC OLE AC AC",
            &[],
        ),
        trap(
            "exits",
            "import \"os\"\n\nfunc twice(n int) int {\n\tif n == 3 {\n\t\tos.Exit(0)\n\t}\n\treturn 2 * n\n}\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "forges an answer",
            "func twice(n int) int {\n\tos.NewFile(4, \"\").Write([]byte{6, 0, 0, 0, 0, byte(2 * n), 0, 0, 0, 0})\n\tos.Exit(0)\n\treturn 0\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "counts in a global",
            "var count int\n\nfunc twice(n int) int {\n\tcount++\n\treturn 2*n + count - 1\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "crashes",
            "func twice(n int) int {\n\tvar p *int\n\tif n == 2 {\n\t\treturn *p\n\t}\n\treturn 2 * n\n}\n",
            "AC RE AC AC",
            &["solution.go:4", "nil pointer"],
        ),
        trap(
            "never ends",
            "func twice(n int) int {\n\tfor n == 3 {\n\t}\n\treturn 2 * n\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "works in the background",
            "func twice(n int) int {\n\tgo func() {\n\t\tfor {\n\t\t}\n\t}()\n\treturn 2 * n\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "returns too large a number",
            "func twice(n int) int {\n\tif n > 2 {\n\t\treturn 1 << 31\n\t}\n\treturn 2 * n\n}\n",
            "AC AC WA WA",
            &["2147483648"],
        ),
        trap(
            "has its own package and imports",
            "package main\n\nimport (\n\t\"fmt\"\n\t\"math\"\n)\n\nfunc twice(n int) int {\n\tfmt.Print(math.Abs(1))\n\treturn 2 * n\n}\n\nfunc main() { fmt.Println(twice(1)) }\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has another name",
            "func double(n int) int {\n\treturn 2 * n\n}\n",
            "CE",
            &["there is no `int twice(int n)`"],
        ),
        trap(
            "does not compile",
            "func twice(n int) int {\n\treturn x\n}\n",
            "CE",
            &["solution.go:2"],
        ),
        trap(
            "takes all memory",
            "func twice(n int) int {\n\tvar kept [][]byte\n\tfor n == 2 {\n\t\tb := make([]byte, 1<<20)\n\t\tfor i := range b {\n\t\t\tb[i] = 1\n\t\t}\n\t\tkept = append(kept, b)\n\t}\n\treturn 2*n + len(kept)\n}\n",
            "AC MLE AC AC",
            &[],
        ),
    ]
}

fn rust() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "rust", source, expected, says);
    vec![
        trap(
            "prints",
            "impl Solution {\n    pub fn twice(n: i32) -> i32 {\n        println!(\"seen {n}\");\n        2 * n\n    }\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "prints too much",
            "impl Solution {\n    pub fn twice(n: i32) -> i32 {\n        while n == 2 { println!(\"{}\", \"x\".repeat(1000)); }\n        2 * n\n    }\n}\n",
            "AC OLE AC AC",
            &[],
        ),
        trap(
            "exits",
            "impl Solution {\n    pub fn twice(n: i32) -> i32 {\n        if n == 3 { std::process::exit(0); }\n        2 * n\n    }\n}\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "counts in a static",
            "use std::sync::atomic::{AtomicI32, Ordering};\nstatic COUNT: AtomicI32 = AtomicI32::new(0);\nimpl Solution {\n    pub fn twice(n: i32) -> i32 { 2 * n + COUNT.fetch_add(1, Ordering::SeqCst) }\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "panics",
            "impl Solution {\n    pub fn twice(n: i32) -> i32 {\n        let v = vec![2, 4, 6];\n        v[n as usize - 1]\n    }\n}\n",
            "AC AC AC RE",
            &["solution.rs:4"],
        ),
        trap(
            "never ends",
            "impl Solution {\n    pub fn twice(n: i32) -> i32 {\n        while n == 3 { std::hint::black_box(n); }\n        2 * n\n    }\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "has its own struct and imports",
            "use std::rc::Rc;\nuse std::cell::RefCell;\nuse std::collections::HashMap;\nstruct Solution;\nimpl Solution {\n    pub fn twice(n: i32) -> i32 {\n        let m: HashMap<i32, Rc<RefCell<i32>>> = HashMap::from([(n, Rc::new(RefCell::new(2 * n)))]);\n        let x = *m[&n].borrow();\n        x\n    }\n}\nfn main() {}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has another name",
            "impl Solution {\n    pub fn double(n: i32) -> i32 { 2 * n }\n}\n",
            "CE",
            &["there is no `int twice(int n)`"],
        ),
        trap(
            "does not compile",
            "impl Solution {\n    pub fn twice(n: i32) -> i32 { x }\n}\n",
            "CE",
            &["solution.rs:2"],
        ),
        trap(
            "recurses deeply",
            "impl Solution {\n    fn f(k: i32) -> i32 { if k == 0 { 0 } else { 1 + std::hint::black_box(Self::f(k - 1)) } }\n    pub fn twice(n: i32) -> i32 { 2 * n + Self::f(100_000) - 100_000 }\n}\n",
            "AC AC AC AC",
            &[],
        ),
    ]
}

fn c() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "c", source, expected, says);
    vec![
        trap(
            "prints",
            "int twice(int n) {\n    printf(\"seen %d\\n\", n);\n    return 2 * n;\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "exits",
            "int twice(int n) {\n    if (n == 3) exit(0);\n    return 2 * n;\n}\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "forges an answer",
            "int write(int, const void *, size_t);\nint twice(int n) {\n    char frame[10] = {6, 0, 0, 0, 0, (char)(2 * n)};\n    write(4, frame, 10);\n    exit(0);\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "counts in a static",
            "int count = 0;\nint twice(int n) {\n    static int seen = 0;\n    return 2 * n + count++ + seen++;\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "crashes",
            "int twice(int n) {\n    if (n == 2) *(volatile int *)0 = 1;\n    return 2 * n;\n}\n",
            "AC RE AC AC",
            &[],
        ),
        trap(
            "never ends",
            "int twice(int n) {\n    volatile int x = 0;\n    while (n == 3) x++;\n    return 2 * n;\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "int is long long",
            "#define int long long\n#define main x\nint twice(int n) { return n < 3 ? 2 * n : 1LL << 31; }\n",
            "AC AC WA WA",
            &["2147483648"],
        ),
        trap(
            "has a main",
            "#include <stdio.h>\nint twice(int n) { return 2 * n; }\nint main(void) { printf(\"%d\", twice(1)); return 1; }\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has another name",
            "int dbl(int n) { return 2 * n; }\n",
            "CE",
            &["there is no `int twice(int n)`"],
        ),
        trap(
            "does not compile",
            "int twice(int n) {\n    return x;\n}\n",
            "CE",
            &["solution.c:2:"],
        ),
    ]
}

fn java() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "java", source, expected, says);
    vec![
        trap(
            "prints",
            "class Solution {\n    public int twice(int n) {\n        System.out.println(\"seen \" + n);\n        return 2 * n;\n    }\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "prints too much",
            "class Solution {\n    public int twice(int n) {\n        while (n == 2) System.out.println(\"x\".repeat(1000));\n        return 2 * n;\n    }\n}\n",
            "AC OLE AC AC",
            &[],
        ),
        trap(
            "exits",
            "class Solution {\n    public int twice(int n) {\n        if (n == 3) System.exit(0);\n        return 2 * n;\n    }\n}\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "counts in a static",
            "class Solution {\n    static int count = 0;\n    public int twice(int n) { return 2 * n + count++ + Kept.seen++; }\n}\nclass Kept { static int seen = 0; }\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "throws",
            "class Solution {\n    public int twice(int n) {\n        if (n == 4) { int[] a = new int[0]; return a[n]; }\n        return 2 * n;\n    }\n}\n",
            "AC AC AC RE",
            &["Solution.java:3", "ArrayIndexOutOfBounds"],
        ),
        trap(
            "never ends",
            "class Solution {\n    public int twice(int n) {\n        while (n == 3) Thread.onSpinWait();\n        return 2 * n;\n    }\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "leaves a thread",
            "class Solution {\n    public int twice(int n) {\n        new Thread(() -> { while (true) {} }).start();\n        return 2 * n;\n    }\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "is public and has records",
            "import java.util.*;\n\npublic class Solution {\n    record Pair(int a, int b) {}\n    public int twice(int n) { return new Pair(n, n).a() * 2; }\n    public static void main(String[] args) { System.exit(1); }\n}\nclass Main { public static void main(String[] args) {} }\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has a package",
            "package judge;\nclass Solution { public int twice(int n) { return 2 * n; } }\n",
            "CE",
            &["line 1"],
        ),
        trap(
            "has another name",
            "class Solution { public int dbl(int n) { return 2 * n; } }\n",
            "RE RE RE RE",
            &["twice"],
        ),
        trap(
            "does not compile",
            "class Solution {\n    public int twice(int n) { return x; }\n}\n",
            "CE",
            &["Solution.java:2"],
        ),
        trap(
            "recurses for ever",
            "class Solution { public int twice(int n) { return n == 2 ? twice(n) + 1 : 2 * n; } }\n",
            "AC RE AC AC",
            &["StackOverflowError"],
        ),
    ]
}

fn javascript() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "javascript", source, expected, says);
    vec![
        trap(
            "prints",
            "var twice = function(n) {\n    console.log('seen', n);\n    return 2 * n;\n};\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "prints too much",
            "var twice = function(n) {\n    while (n === 2) console.log('x'.repeat(1000));\n    return 2 * n;\n};\n",
            "AC OLE AC AC",
            &[],
        ),
        trap(
            "exits",
            "var twice = function(n) {\n    if (n === 3) process.exit(0);\n    return 2 * n;\n};\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "counts in globals",
            "let count = 0;\nvar seen = 0;\nglobalThis.kept = globalThis.kept || 0;\nconst twice = (n) => 2 * n + count++ + seen++ + globalThis.kept++;\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "throws",
            "var twice = function(n) {\n    if (n === 4) {\n        return null.length;\n    }\n    return 2 * n;\n};\n",
            "AC AC AC RE",
            &["solution.js:3", "TypeError"],
        ),
        trap(
            "never ends",
            "function twice(n) {\n    while (n === 3) {}\n    return 2 * n;\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "returns too large a number",
            "const twice = (n) => n < 3 ? 2 * n : 2 ** 31;\n",
            "AC AC WA WA",
            &["2147483648 is no int (32 bits)"],
        ),
        trap("returns nothing", "const twice = (n) => {};\n", "WA WA WA WA", &["undefined"]),
        trap(
            "exports",
            "export class Solution {}\nexport function twice(n) {\n    return 2 * n;\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "is asynchronous",
            "const twice = async (n) => {\n    await new Promise((done) => setTimeout(done, 5));\n    return 2 * n;\n};\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "never settles",
            "const twice = (n) => n === 2 ? new Promise(() => {}) : 2 * n;\n",
            "AC RE AC AC",
            &["before the function returned"],
        ),
        trap(
            "works after the end",
            "const twice = (n) => {\n    setTimeout(() => console.log('late'), 1);\n    Promise.reject(new Error('late'));\n    return 2 * n;\n};\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "forges an answer",
            "const twice = (n) => {\n    require('fs').writeSync(4, Buffer.from([6, 0, 0, 0, 0, 2 * n, 0, 0, 0, 0]));\n    process.exit(0);\n};\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has another name",
            "const double = (n) => 2 * n;\n",
            "RE RE RE RE",
            &["there is no function twice"],
        ),
        trap(
            "does not compile",
            "var twice = function(n) {\n    return 2 *;\n};\n",
            "CE",
            &["solution.js:2"],
        ),
    ]
}

fn typescript() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "typescript", source, expected, says);
    vec![
        trap(
            "prints",
            "function twice(n: number): number {\n    console.log('seen', n);\n    return 2 * n;\n}\n",
            "AC AC AC AC",
            &["seen 1"],
        ),
        trap(
            "is wrong about a type",
            "function twice(n: number): number {\n    return 'a';\n}\n",
            "CE",
            &["solution.ts(2,5)"],
        ),
        trap(
            "exports",
            "interface Box { value: number }\nexport function twice(n: number): number {\n    const box: Box = { value: n };\n    return 2 * box.value;\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "counts in globals",
            "let count = 0;\nconst twice = (n: number): number => 2 * n + count++;\n",
            "AC AC AC AC",
            &[],
        ),
    ]
}

fn ruby() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "ruby", source, expected, says);
    vec![
        trap(
            "prints",
            "def twice(n)\n  puts \"seen #{n}\"\n  2 * n\nend\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "exits",
            "def twice(n)\n  exit if n == 3\n  2 * n\nend\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "exits at once",
            "def twice(n)\n  exit!(7) if n == 3\n  2 * n\nend\n",
            "AC AC RE AC",
            &[],
        ),
        trap(
            "counts in globals",
            "$count = 0\nSEEN = []\ndef twice(n)\n  $count += 1\n  SEEN << n\n  2 * n + $count + SEEN.length - 2\nend\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "throws",
            "def twice(n)\n  if n == 4\n    return nil.length\n  end\n  2 * n\nend\n",
            "AC AC AC RE",
            &["solution.rb:3", "NoMethodError"],
        ),
        trap(
            "never ends",
            "def twice(n)\n  loop {} if n == 3\n  2 * n\nend\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "works after the end",
            "at_exit { puts 'late' }\ndef twice(n)\n  Thread.new { sleep 9; puts 'late' }\n  2 * n\nend\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "returns a float",
            "def twice(n)\n  2.0 * n\nend\n",
            "WA WA WA WA",
            &["expected an int (32 bits)"],
        ),
        trap("has another name", "def double(n)\n  2 * n\nend\n", "RE RE RE RE", &["twice"]),
        trap("does not compile", "def twice(n)\n  2 * (n\nend\n", "CE", &["solution.rb"]),
    ]
}

fn php() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "php", source, expected, says);
    vec![
        trap(
            "prints",
            "class Solution {\n    function twice($n) {\n        echo \"seen $n\";\n        return 2 * $n;\n    }\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "exits",
            "class Solution {\n    function twice($n) {\n        if ($n == 3) exit(0);\n        return 2 * $n;\n    }\n}\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "counts in statics",
            "$GLOBALS['count'] = 0;\nclass Solution {\n    static $kept = 0;\n    function twice($n) {\n        static $seen = 0;\n        return 2 * $n + self::$kept++ + $seen++ + $GLOBALS['count']++;\n    }\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "throws",
            "class Solution {\n    function twice($n) {\n        if ($n == 4) {\n            return strlen([]);\n        }\n        return 2 * $n;\n    }\n}\n",
            "AC AC AC RE",
            &["solution.php:4", "TypeError"],
        ),
        trap(
            "never ends",
            "class Solution {\n    function twice($n) {\n        while ($n == 3) {}\n        return 2 * $n;\n    }\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "works after the end",
            "class Solution {\n    function twice($n) {\n        register_shutdown_function(function() { echo 'late'; });\n        return 2 * $n;\n    }\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "returns a string",
            "class Solution {\n    function twice($n) {\n        return '2';\n        return 2 * $n;\n    }\n}\n",
            "WA WA WA WA",
            &["expected an int (32 bits)"],
        ),
        trap(
            "has its own tag and node",
            "<?php\nclass ListNode {}\nclass Solution {\n    function twice($n) { return 2 * $n; }\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "has another name",
            "class Solution {\n    function double($n) { return 2 * $n; }\n}\n",
            "RE RE RE RE",
            &["there is no public function twice"],
        ),
        trap(
            "does not compile",
            "class Solution {\n    function twice($n) { return 2 * ; }\n}\n",
            "CE",
            &["solution.php"],
        ),
    ]
}

fn csharp() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "csharp", source, expected, says);
    vec![
        trap(
            "prints",
            "public class Solution {\n    public int Twice(int n) {\n        Console.WriteLine(\"seen \" + n);\n        return 2 * n;\n    }\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "exits",
            "public class Solution {\n    public int Twice(int n) {\n        if (n == 3) Environment.Exit(0);\n        return 2 * n;\n    }\n}\n",
            "AC AC RE AC",
            &["before the function returned"],
        ),
        trap(
            "counts in a static",
            "public class Solution {\n    static int count = 0;\n    public int Twice(int n) { return 2 * n + count++; }\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "throws",
            "public class Solution {\n    public int Twice(int n) {\n        if (n == 4) throw new Exception(\"too large\");\n        return 2 * n;\n    }\n}\n",
            "AC AC AC RE",
            &["too large"],
        ),
        trap(
            "never ends",
            "public class Solution {\n    public int Twice(int n) {\n        while (n == 3) {}\n        return 2 * n;\n    }\n}\n",
            "AC AC TLE AC",
            &[],
        ),
        trap(
            "does not compile",
            "public class Solution {\n    public int Twice(int n) { return x; }\n}\n",
            "CE",
            &[".cs(2,"],
        ),
    ]
}

fn kotlin() -> Vec<Trap> {
    let trap = |name, source, expected, says| trap(name, "kotlin", source, expected, says);
    vec![
        trap(
            "prints",
            "class Solution {\n    fun twice(n: Int): Int {\n        println(\"seen $n\")\n        return 2 * n\n    }\n}\n",
            "AC AC AC AC",
            &["seen 1", "seen 4"],
        ),
        trap(
            "counts in an object",
            "object Kept { var count = 0 }\nvar seen = 0\nclass Solution {\n    fun twice(n: Int): Int = 2 * n + Kept.count++ + seen++\n}\n",
            "AC AC AC AC",
            &[],
        ),
        trap(
            "throws",
            "class Solution {\n    fun twice(n: Int): Int {\n        if (n == 4) error(\"too large\")\n        return 2 * n\n    }\n}\n",
            "AC AC AC RE",
            &["too large"],
        ),
    ]
}

/// What is wrong with the result of a trap; `None` if nothing is.
async fn fault(judge: &Judge, problem: &Problem, trap: &Trap) -> Option<String> {
    let (found, said) = match judge.judge(problem, trap.language, trap.source).await {
        Err(log) => ("CE".to_owned(), log),
        Ok(outcomes) => (in_short(&outcomes), outcomes.iter().map(all_text).collect()),
    };
    let is_right = found == trap.expected && trap.says.iter().all(|text| said.contains(text));
    let Trap { name, language, expected, says, .. } = trap;
    (!is_right).then(|| format!("{language} {name}: {found}, not {expected} {says:?}:\n{said}"))
}

fn all_text(outcome: &TestOutcome) -> String {
    let shown = shown(outcome);
    let result = shown.result.as_deref().unwrap_or_default();
    let note = shown.checker.as_deref().unwrap_or_default();
    let end = outcome.end;
    let stdout: String = shown.stdout.chars().take(200).collect();
    format!("{end:?} {} ms {result:?} {note:?}\n{stdout}\n{}\n", outcome.time_ms, shown.stderr)
}

async fn check(adapter: Adapter, traps: Vec<Trap>) {
    let judge = Judge::new(adapter);
    let problem = twice();
    let faults: Vec<String> = futures::stream::iter(&traps)
        .map(|trap| fault(&judge, &problem, trap))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |fault| fault)
        .collect()
        .await;
    judge.shutdown().await;
    println!("{} traps", traps.len());
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), traps.len(), faults.join("\n"));
}

fn interpreted() -> impl Iterator<Item = Trap> {
    [python(), javascript(), typescript(), ruby(), php()].into_iter().flatten()
}

fn compiled() -> impl Iterator<Item = Trap> {
    [cpp(), go(), rust(), c(), java(), kotlin(), csharp()].into_iter().flatten()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_interpreters_in_native_cells() {
    check(Adapter::Native, interpreted().collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_compilers_in_native_cells() {
    check(Adapter::Native, compiled().collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_containers() {
    check(Adapter::Docker, interpreted().chain(compiled()).step_by(IN_CONTAINERS).collect()).await;
}
