/**
 * One program a verdict in each language: what a judge sees every day, written as its users would. `sum` reads two numbers and
 * prints their sum; the names of the others are their verdicts.
 */

export interface Programs {
  readonly sum: string;
  /** What an uncaught mistake leaves on stderr. */
  readonly trace: RegExp;
  readonly RE: string;
  readonly TLE: string;
  readonly MLE: string;
  readonly OLE: string;
  /** None where nothing is compiled. */
  readonly CE?: readonly { readonly source: string; readonly says: RegExp }[];
}

const JS = {
  trace: /TypeError[\s\S]*at outer/,
  RE: 'function outer() { null.x; }\nouter();',
  TLE: 'for (;;);',
  MLE: 'const all = []; for (;;) all.push(new Array(1000).fill(all.length));',
  OLE: "for (;;) require('fs').writeSync(1, 'spam spam spam\\n');",
};

export const PROGRAMS: Readonly<Record<string, Programs>> = {
  c: {
    sum: '#include <stdio.h>\nint main(void) { long a, b; scanf("%ld %ld", &a, &b); printf("%ld\\n", a + b); }',
    trace: /Assertion/,
    RE: '#include <assert.h>\nint main(int argc, char **argv) { assert(argc == 77); }',
    TLE: 'int main(void) { for (;;); }',
    MLE: '#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }',
    OLE: '#include <stdio.h>\nint main(void) { for (;;) puts("spam"); }',
    CE: [
      { source: 'int main(void) { return oops; }', says: /main\.c:1:.*oops/ },
      { source: '#include "/dev/random"\nint main(void) {}', says: /random|limit/ },
    ],
  },
  cpp: {
    sum: '#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b << "\\n"; }',
    trace: /std::out_of_range/,
    RE: '#include <vector>\nint main() { return std::vector<int>(3).at(7); }',
    TLE: 'int main() { for (volatile int i = 0;; i = 1); }',
    MLE: '#include <vector>\n#include <list>\nint main() { std::list<std::vector<int>> all; for (;;) all.emplace_back(1 << 18, 7); }',
    OLE: '#include <iostream>\nint main() { for (;;) std::cout << "spam\\n"; }',
    CE: [
      { source: 'int main() { return oops; }', says: /main\.cpp:1:.*oops/ },
      { source: '#include "/dev/random"\nint main() {}', says: /random|limit/ },
    ],
  },
  python: {
    sum: 'print(sum(map(int, input().split())))',
    trace: /Traceback[\s\S]*ZeroDivisionError/,
    RE: 'print(1 // 0)',
    TLE: 'while True: pass',
    MLE: 'x = bytearray(1)\nwhile True: x += bytes(1 << 20)',
    OLE: 'while True: print("spam")',
  },
  javascript: {
    ...JS,
    sum: "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b);",
  },
  typescript: {
    ...JS,
    RE: 'function outer(): void { (null as unknown as { x: number }).x; }\nouter();',
    sum: "import { readFileSync } from 'node:fs';\nconst [a, b]: number[] = readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b);",
    OLE: "import { writeSync } from 'node:fs';\nfor (;;) writeSync(1, 'spam spam spam\\n');",
    CE: [{ source: 'const a: number = ;', says: /main\.ts[:(]1/ }],
  },
  java: {
    sum: `import java.util.Scanner;
class Adder { long add(long a, long b) { return a + b; } }
public class Sum {
  public static void main(String[] args) {
    Scanner in = new Scanner(System.in);
    System.out.println(new Adder().add(in.nextLong(), in.nextLong()));
  }
}`,
    trace: /java\.lang\.ArithmeticException[\s\S]*at Main\.main\(Main\.java:1\)/,
    RE: 'public class Main { public static void main(String[] a) { System.out.println(1 / a.length); } }',
    TLE: 'public class Main { public static void main(String[] a) { for (;;); } }',
    MLE: `import java.util.*;
public class Main { public static void main(String[] a) { List<int[]> all = new ArrayList<>(); for (;;) all.add(new int[100_000]); } }`,
    OLE: 'public class Main { public static void main(String[] a) { for (;;) System.out.println("spam"); } }',
    CE: [
      { source: 'public class Main { int x = "text"; }', says: /Main\.java:1: error/ },
      { source: javaBomb(), says: /out of resources|error|limit/ },
    ],
  },
  go: {
    sum: 'package main\n\nimport "fmt"\n\nfunc main() {\n\tvar a, b int\n\tfmt.Scan(&a, &b)\n\tfmt.Println(a + b)\n}\n',
    trace: /panic: .*index out of range[\s\S]*main\.main/,
    RE: 'package main\n\nimport "os"\n\nfunc main() { println(os.Args[len(os.Args)+5]) }\n',
    TLE: 'package main\n\nfunc main() {\n\tfor {\n\t}\n}\n',
    MLE: 'package main\n\nfunc main() {\n\tvar all [][]int\n\tfor {\n\t\tall = append(all, make([]int, 100000))\n\t\tall[len(all)-1][7] = 1\n\t}\n}\n',
    OLE: 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfor {\n\t\tfmt.Println("spam")\n\t}\n}\n',
    CE: [
      { source: 'package main\n\nfunc main() { oops() }\n', says: /main\.go:3:.*oops/ },
      {
        source:
          'package main\n\nimport _ "embed"\n\n//go:embed /dev/zero\nvar zero string\n\nfunc main() { print(zero) }\n',
        says: /\/dev\/zero/,
      },
      {
        source: 'package main\n\nvar bomb = [1 << 45]byte{1}\n\nfunc main() { print(bomb[0]) }\n',
        says: /main\.go|link|limit/,
      },
      { source: 'package main\n\nimport "C"\n\nfunc main() {}\n', says: /no Go source files|C/ },
      { source: 'package main\n\nimport "example.com/x"\n\nfunc main() { x.X() }\n', says: /example\.com/ },
    ],
  },
  rust: {
    sum: `use std::io::Read;
fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    println!("{}", text.split_whitespace().map(|word| word.parse::<i64>().unwrap()).sum::<i64>());
}`,
    trace: /panicked at .*main\.rs:1/,
    RE: 'fn main() { let v: Vec<i32> = vec![]; println!("{}", v[std::env::args().count()]); }',
    TLE: 'fn main() { let mut x = 0u64; loop { x = std::hint::black_box(x.wrapping_add(1)); } }',
    MLE: 'fn main() { let mut all: Vec<Vec<u8>> = vec![]; loop { all.push(vec![7; 1 << 20]); } }',
    OLE: 'fn main() { loop { println!("spam"); } }',
    CE: [
      { source: 'fn main() { oops() }', says: /main\.rs:1[\s\S]*oops|oops[\s\S]*main\.rs:1/ },
      {
        source: 'static ZERO: &[u8] = include_bytes!("/dev/zero"); fn main() { println!("{}", ZERO.len()); }',
        says: /limit/,
      },
      {
        source: 'macro_rules! bomb { ($($x:tt)*) => { bomb!($($x)* $($x)*) } }\nfn main() { bomb!(a); }',
        says: /recursion limit|ended by its limit/,
      },
    ],
  },
  bash: {
    sum: 'read -r a b\necho $((a + b)) > /dev/stdout',
    trace: /main\.sh: line 2: .*not found/,
    RE: 'set -e\noops 7',
    TLE: 'while :; do :; done',
    MLE: 'x=spam\nwhile :; do x=$x$x; done',
    OLE: 'while :; do echo spam; done',
  },
};

/** Constants that double: the compiler computes them all. */
function javaBomb(): string {
  const lines = Array.from({ length: 40 }, (_, i) => `  static final String S${i + 1} = S${i} + S${i};`);
  return `public class Main {\n  static final String S0 = "0123456789";\n${lines.join('\n')}\n}\n`;
}
