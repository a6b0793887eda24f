import { describe, expect, it } from 'vitest';
import { indentJson } from '../../src/cli/format/json-text.ts';
import { parseBytes } from '../../src/base/byte-size.ts';
import { bytesSize, humanDuration, humanSize } from '../../src/cli/format/size.ts';
import { layOut } from '../../src/cli/format/table.ts';
import { compileTemplate, Struct } from '../../src/cli/format/template.ts';
import { ansicTime, ellipsis, quote, shortId } from '../../src/cli/format/text.ts';

describe('sizes and durations', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [4453421, '4.453MB'],
    [999_950, '1000kB'],
    [1.5e9, '1.5GB'],
  ])('%d bytes are written %s', (bytes, text) => expect(humanSize(bytes)).toBe(text));

  it('lists write three digits', () => {
    expect(humanSize(4453421, 3)).toBe('4.45MB');
    expect(humanSize(999_950, 3)).toBe('1e+03kB');
  });

  it('memory is written in powers of 1024', () => expect(bytesSize(64 * 1024 ** 2)).toBe('64MiB'));

  it.each([
    ['64m', 64 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
    ['10KiB', 10240],
    ['10 kb', 10240],
    ['512', 512],
    ['5b', 5],
  ])('%s is read as %d bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each([
    ['abc', "invalid size: 'abc'"],
    ['10x', "invalid suffix: 'x'"],
    ['-5m', "invalid size: '-5m'"],
    ['1kbb', "invalid suffix: 'kbb'"],
  ])('%s is refused with the text of go-units', (text, message) => expect(() => parseBytes(text)).toThrow(message));

  it.each([
    [500, 'Less than a second'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [61_000, 'About a minute'],
    [46 * 60_000, '46 minutes'],
    [61 * 60_000, 'About an hour'],
    [47 * 3_600_000, '47 hours'],
    [49 * 3_600_000, '2 days'],
    [15 * 86_400_000, '2 weeks'],
    [70 * 86_400_000, '2 months'],
    [800 * 86_400_000, '2 years'],
  ])('%d ms are %s', (span, text) => expect(humanDuration(span)).toBe(text));
});

describe('text', () => {
  it('an ellipsis takes the last place', () =>
    expect(ellipsis('sh -c "while true; do sleep 1; done"', 20)).toBe('sh -c "while true; …'));
  it('text is quoted as Go quotes it', () => expect(quote('a"b\n\x01é')).toBe('"a\\"b\\n\\x01é"'));
  it('a short id has no algorithm', () => expect(shortId('sha256:c6348fa86ba0fb2108c9')).toBe('c6348fa86ba0'));
  it('build times become ANSI C dates', () =>
    expect(ansicTime('2026-05-07T21:09:36.000000000+00:00')).toBe('Thu May  7 21:09:36 2026'));
});

describe('tables', () => {
  it('a column is as wide as its widest cell and at least ten', () => {
    expect(layOut('REPOSITORY\tTAG\tSIZE\nbusybox\tlatest\t4MB\n', { minimum: 10, padding: 3 })).toBe(
      'REPOSITORY   TAG       SIZE\nbusybox      latest    4MB\n',
    );
  });
});

describe('raw JSON', () => {
  it('is indented without touching numbers, escapes or order', () => {
    const raw = '{"b":9223372036854771712,"a":"\\u003c{\\"","e":{},"l":[],"n":[1, 2]}\n';
    expect(indentJson(raw, 4)).toBe(
      '{\n    "b": 9223372036854771712,\n    "a": "\\u003c{\\"",\n    "e": {},\n    "l": [],\n    "n": [\n        1,\n        2\n    ]\n}',
    );
    expect(indentJson(raw, 0)).toBe('{"b":9223372036854771712,"a":"\\u003c{\\"","e":{},"l":[],"n":[1,2]}');
  });
});

const data = {
  Name: '/web',
  State: { Running: true, ExitCode: 0, Pid: 42 },
  Config: { Env: ['A=1', 'B=2'], Labels: { x: 'y', a: 'b' }, Cmd: null },
  Ports: { '80/tcp': [{ HostPort: '8080' }] },
};

describe('templates', () => {
  it.each([
    ['{{.Name}}', '/web'],
    ['{{.State.ExitCode}}', '0'],
    ['{{.name}}', '/web'],
    ['{{json .State}}', '{"Running":true,"ExitCode":0,"Pid":42}'],
    ['{{range .Config.Env}}{{println .}}{{end}}', 'A=1\nB=2\n'],
    ['{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}', '0=A=1;1=B=2;'],
    ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}', 'a=b x=y '],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if eq .State.ExitCode 1}}one{{else if eq .State.ExitCode 0}}zero{{else}}more{{end}}', 'zero'],
    ['{{if and .State.Running (eq .State.ExitCode 0)}}ok{{end}}', 'ok'],
    ['{{index .Config.Labels "x"}}', 'y'],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{join .Config.Env ","}}', 'A=1,B=2'],
    ['{{.Name | upper | printf "%-8s|"}}', '/WEB    |'],
    ['{{printf "%05d %q" .State.Pid .Name}}', '00042 "/web"'],
    ['{{len .Config.Env}}', '2'],
    ['{{title "hello world"}}', 'Hello World'],
    ['{{index (split .Name "/") 1}}', 'web'],
    ['{{with .Config}}{{len .Env}}{{end}}', '2'],
    ['{{with .Missing}}x{{else}}none{{end}}', 'none'],
    ['a {{- " b " -}} c', 'a b c'],
    ['{{/* nothing */}}x', 'x'],
    ['{{.Config.Labels}}', 'map[a:b x:y]'],
    ['{{.Config.Env}}', '[A=1 B=2]'],
    ['{{not .State.Running}}', 'false'],
    ['{{$x := .Name}}{{$x}}', '/web'],
    ['{{range .Config.Env}}{{if eq . "B=2"}}{{break}}{{end}}{{.}}{{end}}', 'A=1'],
    ['{{slice .Name 1}}', 'web'],
    ['{{.Missing}}', '<no value>'],
    ['{{truncate .Name 3}}', '/we'],
    ['{{`raw "text"`}}', 'raw "text"'],
  ])('%s gives %s', (source, out) => expect(compileTemplate(source).run(data)).toBe(out));

  it.each([
    ['{{.foo', 'template: :1: unclosed action'],
    ['{{foo}}', 'template: :1: function "foo" not defined'],
    ['{{if .Name}}x', 'template: :1: unexpected EOF'],
    ['{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{"x}}', 'template: :1: unterminated quoted string'],
    ['{{(.Name}}', 'template: :1: unclosed left paren'],
  ])('%s is refused while reading: %s', (source, message) => expect(() => compileTemplate(source)).toThrow(message));

  it('a field that a type lacks is an error that names the place and the type', () => {
    const struct = new Struct('*formatter.ContainerContext', { ID: () => 'x', Label: (name: string) => `<${name}>` });
    expect(() => compileTemplate('{{.Foo}}').run(struct)).toThrow(
      'template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.ContainerContext',
    );
    expect(compileTemplate('{{.Label "a"}} {{json .}}').run(struct)).toBe('<a> {"ID":"x"}');
  });

  it('a key that a document lacks is an error where asked for', () => {
    expect(() => compileTemplate('{{.Foo}}').run(data, { missingKey: 'error' })).toThrow(
      'template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"',
    );
  });
});
