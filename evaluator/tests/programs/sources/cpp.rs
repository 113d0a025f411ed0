//! C++: ways to include the standard headers, and what may precede them.

use super::{Case, check, right};

const SUM: &str = "int main() { int a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }";

/// Text before `main`, with the line breaks of a file.
const WAYS: &[&str] = &[
    "#include <bits/stdc++.h>",
    "#include<bits/stdc++.h>",
    "#include \"bits/stdc++.h\"",
    "# include <bits/stdc++.h>",
    "  #include   <bits/stdc++.h>  // all of it",
    "/* mine */ #include <bits/stdc++.h>",
    "\n\n\n#include <bits/stdc++.h>",
    "#include <bits/stdc++.h>\n#include <bits/stdc++.h>",
    "#include <bits/stdc++.h>\nusing namespace std;\n#include <bits/stdc++.h>",
    "#include <bits/stdc++.h>\nint x;\n#include <bits/stdc++.h>\nint y;\n#include <bits/stdc++.h>",
    "#include <iostream>\n#include <bits/stdc++.h>",
    "#include <vector>\n#include <bits/stdc++.h>\n#include <vector>",
    "#include <cstdio>\n#include <bits/stdc++.h>\n#include <iostream>",
    "#include <bits/stdc++.h>\n#include <bits/extc++.h>",
    "#include <bits/extc++.h>",
    "#include <bits/extc++.h>\n#include <bits/stdc++.h>",
    "#include <bits/stdc++.h>\n#include <ext/pb_ds/assoc_container.hpp>\n#include <ext/pb_ds/tree_policy.hpp>\nusing namespace __gnu_pbds;\nusing S = tree<int, null_type, std::less<int>, rb_tree_tag, tree_order_statistics_node_update>;\nS s;",
    "#include <bits/stdc++.h>\n#include <ext/rope>\n__gnu_cxx::rope<char> r;",
    "#define int int\n#include <bits/stdc++.h>",
    "#define LOCAL 1\n#include <bits/stdc++.h>",
    "#define _GLIBCXX_DEBUG\n#include <bits/stdc++.h>",
    "#define _GLIBCXX_DEBUG 1\n#define _GLIBCXX_DEBUG_PEDANTIC 1\n#include <bits/stdc++.h>",
    "#define _USE_MATH_DEFINES\n#include <bits/stdc++.h>\ndouble p = M_PI;",
    "#define NDEBUG\n#include <bits/stdc++.h>\n#undef NDEBUG\n#include <cassert>",
    "#define _CRT_SECURE_NO_WARNINGS\n#include <bits/stdc++.h>",
    "#undef ONLINE_JUDGE\n#include <bits/stdc++.h>",
    "#ifdef ONLINE_JUDGE\n#include <bits/stdc++.h>\n#else\n#error\n#endif",
    "#if __has_include(<bits/stdc++.h>)\n#include <bits/stdc++.h>\n#endif",
    "#ifndef GUARD\n#define GUARD\n#include <bits/stdc++.h>\n#endif",
    "int before;\n#include <bits/stdc++.h>",
    "namespace mine { int x; }\n#include <bits/stdc++.h>",
    "#pragma once\n#include <bits/stdc++.h>",
    "#pragma GCC optimize(\"O3\")\n#include <bits/stdc++.h>",
    "#pragma GCC optimize(\"Ofast,unroll-loops,no-stack-protector\")\n#include <bits/stdc++.h>",
    "#pragma GCC optimize(\"O3\")\n#pragma GCC optimize(\"unroll-loops\")\n#include <bits/stdc++.h>",
    "#pragma GCC target(\"avx2\")\n#include <bits/stdc++.h>\nstd::map<std::string, std::vector<std::string>> m; std::string s = \"a\"; auto f() { m[s].push_back(s + s); return m.size(); }",
    "#pragma GCC optimize(\"O3,unroll-loops\")\n#pragma GCC target(\"avx2,bmi,bmi2,lzcnt,popcnt\")\n#include <bits/stdc++.h>\nstd::unordered_map<int, std::string> m; std::set<std::pair<int, std::string>> t;",
    "#pragma GCC target(\"sse,sse2,sse3,ssse3,sse4,popcnt,abm,mmx,avx,tune=native\")\n#include <bits/stdc++.h>\nstd::vector<std::string> v(3); std::stringstream ss; auto g() { std::sort(v.begin(), v.end()); return ss.str(); }",
    "#pragma GCC target(\"avx2\")\n#include <iostream>\n#include <string>\n#include <vector>\n#include <map>\nstd::map<std::string, int> m; std::string s; int f() { return m[s + \"x\"]; }",
    "#pragma GCC target(\"avx2,fma\")\n#pragma GCC optimize(\"Ofast\")\n#include <bits/stdc++.h>\n#include <immintrin.h>\nstd::deque<std::string> d; std::priority_queue<std::string> q;",
    "#include <bits/stdc++.h>\n#pragma GCC target(\"avx2\")\nstd::vector<int> v{3, 1}; void f() { std::sort(v.begin(), v.end()); }",
    "#include <bits/stdc++.h>\n#include <immintrin.h>\n__attribute__((target(\"avx2\"))) __m256i f(__m256i a) { return _mm256_add_epi32(a, a); }",
];

#[tokio::test(flavor = "multi_thread")]
async fn ways_to_include() {
    let mut cases: Vec<Case> = Vec::new();
    for (place, way) in WAYS.iter().enumerate() {
        // `#pragma GCC target` is tried with every standard, the other ways with one standard each.
        let languages = ["cpp", "cpp20", "cpp23"];
        let is_target = way.contains("target(");
        for (turn, language) in languages.into_iter().enumerate() {
            if is_target || place % languages.len() == turn {
                cases.push(right(language, format!("{way}\n{SUM}\n")));
            }
        }
    }
    check(cases).await;
}
