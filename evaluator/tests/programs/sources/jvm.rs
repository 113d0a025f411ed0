//! Java and Kotlin: the class in which a program begins.

use super::{check, refused, right};

/// The body of `main`.
const SUM: &str = "java.util.Scanner in = new java.util.Scanner(System.in); System.out.println(in.nextInt() + in.nextInt());";

fn java(text: &str) -> String {
    text.replace("SUM", SUM)
}

#[tokio::test(flavor = "multi_thread")]
async fn java_begins_where_its_main_is() {
    let accepted = [
        "public class Main { public static void main(String[] args) { SUM } }",
        "class Main { public static void main(String[] args) { SUM } }",
        "package org.judge; public class Main { public static void main(String[] args) { SUM } }",
        "class Solution { public static void main(String[] args) { SUM } }",
        "public class Solution { public static void main(String[] args) { SUM } }",
        "package a.b.c; public final class Sum { public static void main(String[] args) { SUM } }",
        "class Main { static public void main(String[] args) { SUM } }",
        "class Main { public static final void main(String[] args) { SUM } }",
        "class Main { public static final synchronized void main(final String args[]) { SUM } }",
        "class Main { public static void main(String... args) { SUM } }",
        "class A { int x; } class B { public static void main(String[] args) { SUM } }",
        "class A { /* public static void main(String[] a) */ } class B { public static void main(String[] args) { SUM } }",
        "class Base { public static void main(String[] args) { SUM } } class Main extends Base { }",
        "interface Main { static void main(String[] args) { SUM } }",
        "enum Main { ONE; public static void main(String[] args) { SUM } }",
        "record Main(int x) { public static void main(String[] args) { SUM } }",
        "class Main { static class Inner { public static void main(String[] args) { SUM } } }",
        "class Other { public static void main(String[] a) { throw new Error(); } } class Main { public static void main(String[] args) { SUM } }",
        "\u{feff}class Main { public static void main(String[] args) { SUM } }",
        "class Main {\r\n // public static void main(\r\n public static void main(String[] args) { SUM }\r\n}\r\n",
        "class Main { String s = \"static void main(\"; public static void main(String[] args) { SUM } }",
    ];
    let no_main = [
        "class Main { }",
        "class Main { void main() { SUM } }",
        "class Main { static void main(String[] args) { SUM } }",
        "class Main { public static void main() { SUM } }",
        "class Main { public static int main(String[] args) { return 1; } }",
        "class Main { public void main(String[] args) { SUM } }",
    ];
    let mut cases: Vec<_> = accepted.iter().map(|text| right("java", java(text))).collect();
    cases.extend(no_main.iter().map(|text| refused("java", java(text), "no class has a method")));
    let mut latin_1 = b"// \xe5\xe4\xf6\n".to_vec();
    latin_1.extend(java(accepted[0]).into_bytes());
    cases.push(right("java", latin_1));
    check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kotlin_begins_where_its_main_is() {
    let sum = "println(readLine()!!.split(' ').map { it.toInt() }.sum())";
    let accepted = [
        "@file:JvmName(\"Other\")\npackage org.judge\nfun main(args: Array<String>) { SUM }",
        "object Sum { @JvmStatic fun main(args: Array<String>) { SUM } }",
        "class Sum { companion object { @JvmStatic fun main(args: Array<String>) { SUM } } }",
    ];
    let mut cases: Vec<_> =
        accepted.iter().map(|text| right("kotlin", text.replace("SUM", sum))).collect();
    cases.push(refused("kotlin", "fun solve() { }", "no class has a method"));
    check(cases).await;
}
