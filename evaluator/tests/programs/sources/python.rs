//! Python: names that the `site` module provides, and errors that only compiling finds.

use super::{Case, check, refused, right};

/// Programs that use what `site` and the image provide.
const NAMES: &[&str] = &[
    "exit(print(sum(map(int, input().split()))))",
    "print(sum(map(int, input().split())))\nquit()",
    "print(sum(map(int, input().split())))\nexit(0)\nprint('never')",
    "import sys\nprint(sum(map(int, input().split())))\nsys.exit()",
    "names = [help, copyright, credits, license, exit, quit]\nprint(sum(map(int, input().split())))",
    "import builtins\nassert hasattr(builtins, 'exit')\nprint(sum(map(int, input().split())))",
    "import os, re, math, heapq, bisect, collections, itertools, functools, fractions, decimal\nprint(sum(map(int, input().split())))",
    "from sortedcontainers import SortedList\nprint(sum(SortedList(map(int, input().split()))))",
    "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 26)\nt = threading.Thread(target=lambda: print(sum(map(int, input().split()))))\nt.start()\nt.join()",
    "#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\nprint(sum(map(int, input().split())))",
    "\u{feff}print(sum(map(int, input().split())))",
    "print(\r\n sum(map(int, input().split())))\r\n",
];

/// Programs with errors, and a part of the compiler's message.
const ERRORS: &[(&str, &str)] = &[
    ("return 1", "outside function"),
    ("yield 1", "outside function"),
    ("await f()", "outside function"),
    ("break", "outside loop"),
    ("continue", "not properly in loop"),
    ("def f(a, a): pass", "duplicate argument"),
    ("f(a=1, a=2)", "repeated"),
    ("import os\nfrom __future__ import division", "__future__"),
    ("from __future__ import nothing_like_this", "__future__"),
    ("nonlocal x", "nonlocal"),
    ("def f():\n    nonlocal x\n", "nonlocal"),
    ("def f():\n    x = 1\n    global x\n", "global"),
    ("def f():\n    from os import *\n", "import *"),
    ("*a = 1, 2", "starred"),
    ("a, *b, *c = 1, 2", "starred"),
    ("def f(x):\n    global x\n", "global"),
    ("try: pass\nexcept: pass\nexcept ValueError: pass", "except"),
    ("1 = x", "assign"),
    ("print 'x'", "print"),
    ("if True:\nx = 1", "indent"),
    ("x = '", "string"),
];

#[tokio::test(flavor = "multi_thread")]
async fn python() {
    let mut cases: Vec<Case> = Vec::new();
    for language in ["python3", "pypy3"] {
        cases.extend(NAMES.iter().map(|source| right(language, *source)));
        // The two interpreters word their messages differently.
        let word = |word| if language == "python3" { word } else { "" };
        cases.extend(ERRORS.iter().map(|(source, said)| refused(language, *source, word(*said))));
    }
    cases.push(right("python3", "import numpy\nprint(numpy.array(input().split(), int).sum())"));
    cases.push(right("python3", &b"# \xe5\xe4\xf6\nprint(sum(map(int, input().split())))"[..]));
    check(cases).await;
}
