import { PassThrough } from 'node:stream';
import { CpnsError } from '@cpns/shared';
import { plural, printable, Report, table } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';

function setUp(json: boolean) {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const report = new Report({ name: 'tool', exitCodeOf: () => 4 }, { input, output, errors }, json);
  return { report, out: () => String(output.read() ?? ''), err: () => String(errors.read() ?? '') };
}

describe('Report', () => {
  it('prints lines for people, harmless ones', () => {
    const { report, out, err } = setUp(false);
    report.result({ a: 1 }, ['one', 'two\u001b[2J']);
    report.item({ b: 2 }, 'three\nfour');
    report.progress('under way');
    expect(out()).toBe('one\ntwo?[2J\nthree?four\n');
    expect(err()).toBe('under way\n');
  });

  it('prints documents for machines', () => {
    const { report, out } = setUp(true);
    report.result({ a: 1 }, ['one']);
    report.item({ b: '\u001b\u009b\u202eä' }, 'two');
    expect(out()).toBe('{"a":1}\n{"b":"\\u001b\\u009b\\u202eä"}\n');
  });

  it('prints a failure as one line, and gives the exit code', () => {
    const error = new CpnsError('State', 'Broken', 'It is broken.', { cause: new Error('a screw') });
    const people = setUp(false);
    expect(people.report.failure(error, false)).toBe(4);
    expect(people.err()).toBe('tool: It is broken.\n');
    people.report.failure(error, true);
    expect(people.err()).toBe('tool: Broken: It is broken. (because: Error: a screw)\n');
    const machines = setUp(true);
    machines.report.failure(error, false);
    expect(JSON.parse(machines.out())).toEqual({ error: { code: 'Broken', message: 'It is broken.', exitCode: 4 } });
  });
});

describe('text', () => {
  it('lines up, counts, and cannot steer the terminal', () => {
    expect(
      table([
        ['A', 'BB', 'C'],
        ['long', '', 'x'],
      ]),
    ).toEqual(['A     BB  C', 'long      x']);
    expect([plural(0, 'user'), plural(1, 'user'), plural(2, 'user')]).toEqual(['0 users', '1 user', '2 users']);
    expect(printable('a\r\n\t\u0000\u007f\u009b\u202e\u2066\ufeffä█')).toBe('a?????????ä█');
  });
});
