/** What is found in a Java source: the public class, for its file; the class with `main`, for its start. */

import { t } from 'tap';
import { arrangeClasses, MANIFEST } from '../../src/languages/java-classes.js';

/** Names of the files as javac gets them, and the class that is started. */
function arranged(files: Readonly<Record<string, string>>) {
  const sources = Object.entries(files).map(([path, text]) => ({ path, content: new TextEncoder().encode(text) }));
  const all = arrangeClasses(sources);
  const manifest = new TextDecoder().decode(all.find(({ path }) => path === MANIFEST)?.content);
  return { paths: all.map(({ path }) => path).filter((path) => path !== MANIFEST), manifest };
}

const MAIN = 'public static void main(String[] args) {}';

t.test('a file gets the name of its public class', async (t) => {
  t.strictSame(arranged({ 'main.java': `public class Sum { ${MAIN} }` }), {
    paths: ['Sum.java'],
    manifest: 'Main-Class: Sum\n',
  });
  t.strictSame(arranged({ 'a/x.java': 'public final strictfp record Point(int x) {}' }).paths, ['a/Point.java']);
  t.strictSame(arranged({ 'main.java': `class Sum { public static class Inner {} ${MAIN} }` }).paths, ['main.java']);
});

t.test('the class with main is started, in its package', async (t) => {
  const text = `package a . b;\nclass First { void main2() {} }\npublic class Second {}\nclass Third { ${MAIN} }`;
  t.strictSame(arranged({ 'main.java': text }), { paths: ['Second.java'], manifest: 'Main-Class: a.b.Third\n' });
  t.equal(arranged({ 'main.java': 'class Only {}' }).manifest, 'Main-Class: Only\n');
  t.equal(arranged({ 'main.java': '' }).manifest, 'Main-Class: Main\n');
});

t.test('comments, texts and inner classes mislead nobody', async (t) => {
  const text = `// public class A { ${MAIN} }
    /* public class B {} */
    class C { String s = "} public class D {"; char c = '{'; String t = """
      public class E {"""; class F { void main() { } } }
    public class G { ${MAIN} }`;
  t.strictSame(arranged({ 'main.java': text }), { paths: ['G.java'], manifest: 'Main-Class: G\n' });
});

t.test('a name that is taken is left to javac to complain about, and other files are left alone', async (t) => {
  const files = { 'main.java': 'public class A {}', 'A.java': 'class A {}', 'data.txt': 'public class X {}' };
  t.strictSame(arranged(files).paths, ['main.java', 'A.java', 'data.txt']);
});

t.test('a file keeps its name where the name of its class cannot be one, or is a directory', async (t) => {
  const long = 'A'.repeat(300);
  t.strictSame(arranged({ 'main.java': `public class ${long} { ${MAIN} }` }), {
    paths: ['main.java'],
    manifest: `Main-Class: ${long}\n`,
  });
  const files = { 'main.java': `public class Sum { ${MAIN} }`, 'Sum.java/Other.java': 'class Other {}' };
  t.strictSame(arranged(files).paths, Object.keys(files));
  const late = { 'main.java': 'public class Sum {}', 'x/y.java': 'class A {}', 'Sum.java/z.txt': '' };
  t.strictSame(arranged(late).paths, Object.keys(late));
});
