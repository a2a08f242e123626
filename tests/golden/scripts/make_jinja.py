"""The cases of tests/golden/jinja/cases.json: small templates with what Python's jinja2 makes of them.

usage: make_jinja.py OUT_DIR        (needs jinja2 3.1.6)

The environment is the one transformers gives to chat templates: immutable sandbox, trim_blocks, lstrip_blocks, loop
controls, a generation block, json.dumps as tojson, raise_exception, strftime_now. Each case is
{"template", "context", "output"} or {"template", "context", "error": exception's name, "message"}; "generations" are
the [start, end) code points that generation blocks printed.
"""
import datetime
import json
import os
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2024, 7, 26, 13, 5, 9)


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("mark"), [], [], body).set_lineno(line)

    def mark(self, caller):
        text = caller()
        start = len("".join(self.environment.printed))
        self.environment.spans.append([start, start + len(text)])
        return text


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    class Namespace(jinja2.utils.Namespace):
        def __init__(*args, **kwargs):
            self, args = args[0], args[1:]
            attrs = dict(*args, **kwargs)
            for name in attrs:
                Namespace.check(name)
            jinja2.utils.Namespace.__init__(self, attrs)

        def __setitem__(self, name, value):
            Namespace.check(name)
            jinja2.utils.Namespace.__setitem__(self, name, value)

        @staticmethod
        def check(name):
            if isinstance(name, str) and name.startswith("_"):
                raise jinja2.exceptions.SecurityError("underscore")

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    env.globals["dict"] = lambda *args, **kwargs: dict(*args, **kwargs)
    env.globals["namespace"] = Namespace
    env.printed, env.spans = [], []
    return env


CONTEXT = {
    "messages": [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": "Grüße, Ωmega! 😀", "name": "Zoë"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"function": {"name": "get", "arguments": {"lat": 48.856614, "n": 3, "ok": True, "x": None}}}]},
    ],
    "tools": None,
    "name": "World",
    "text": "  Hello, wörld\tand\n more  ",
    "empty": "",
    "n": 42,
    "neg": -7,
    "big": 9007199254740993,
    "f": 1.5,
    "floats": [0.1, 1e16, 1e-5, 123456789.123, -0.0, 1e22, 5e-324, 2.0, 100000000000000.0],
    "t": True,
    "none": None,
    "null_value": None,
    "list": [3, 1, 2],
    "words": ["banana", "Apple", "cherry", "apple"],
    "mixed": [1, "a", None, 2.5, True, [1, 2], {"k": "v"}],
    "d": {"b": 1, "a": "two", "C": [1, 2], "items": "shadowed"},
    "people": [{"name": "Bob", "age": 30, "city": {"zip": 2}}, {"name": "alice", "age": 25, "city": {"zip": 1}},
               {"name": "Carl", "age": 30}],
    "html": "<a href='x'>\"T&C\"</a>",
    "quote": "it's",
    "both": "it's \"x\"",
    "control": "a\u0000b\u001f\u007f\u0085\u200b\ue000\u2028c",
    "sigma": "ὈΔΥΣΣΕΎΣ ΑΣ Σ",
    "case": "straße ŉ ǆ ﬁ İ they're o'neil",
    "spaces": "\u00a0\u3000\u2009x\u200b\u00a0",
}

# Each is a template over CONTEXT; jinja2 says whether it prints or raises.
CASES = r'''
{{ 1 + 2 * 3 }}|{{ (1 + 2) * 3 }}|{{ 7 // 2 }}|{{ -7 // 2 }}|{{ 7 // -2 }}|{{ 7 % 3 }}|{{ -7 % 3 }}|{{ 7 % -3 }}
{{ 7 / 2 }}|{{ 6 / 2 }}|{{ 1 / 3 }}|{{ 2 ** 10 }}|{{ 2 ** -1 }}|{{ 2 ** 0.5 }}|{{ -2 ** 2 }}|{{ 2 ** 3 ** 2 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ 1.5 // 0.0 }}
{{ 7.5 // 2 }}|{{ -7.5 // 2 }}|{{ 7.5 % 2 }}|{{ -7.5 % 2 }}|{{ 7.5 % -2 }}|{{ 1e308 * 10 }}|{{ -1e308 * 10 }}
{{ 0.0 ** -1 }}
{{ 10.0 ** 400 }}
{{ 0.1 + 0.2 }}|{{ 1e3 }}|{{ 1.0 }}|{{ 1e16 }}|{{ 1e15 }}|{{ 123456789012345680.0 }}|{{ 1.5e-7 }}|{{ 0.0001 }}|{{ 0.00001 }}
{{ floats }}
{{ floats | tojson }}
{% for x in floats %}{{ x }} {% endfor %}
{{ 0x1F }}|{{ 0o17 }}|{{ 0b101 }}|{{ 1_000 }}|{{ 1_0.5_0 }}|{{ 00 }}|{{ 1E2 }}
{{ True + 1 }}|{{ true and 'x' }}|{{ false or 'y' }}|{{ none or 0 }}|{{ not none }}|{{ 1 and 0 or 3 }}
{{ true }}|{{ false }}|{{ none }}|{{ True }}|{{ None }}
{{ 1 == 1.0 }}|{{ 1 == true }}|{{ '1' == 1 }}|{{ none == false }}|{{ [1, 2] == [1, 2.0] }}|{{ (1,) == [1] }}|{{ {'a': 1} == {'a': true} }}
{{ 1 < 2 < 3 }}|{{ 1 < 3 < 2 }}|{{ 3 > 2 >= 2 }}|{{ 1 != 2 != 1 }}|{{ 'a' < 'b' }}|{{ 'Z' < 'a' }}|{{ [1, 2] < [1, 3] }}|{{ (1,) < (1, 0) }}
{{ big }}|{{ big == 9007199254740992.0 }}|{{ big > 9007199254740992.0 }}|{{ big + 1 }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ [1] < (1,) }}
{{ [1] + [2] }}|{{ (1,) + (2,) }}|{{ [0] * 3 }}|{{ 2 * 'ab' }}|{{ 'ab' * -1 }}|{{ (1, 2) * 2 }}|{{ 'a' * true }}
{{ [1] + (2,) }}
{{ 'a' + 1 }}
{{ 'a' + none }}
{{ 1 + none }}
{{ 'a' - 'b' }}
{{ -'a' }}
{{ -none }}
{{ - n }}|{{ + n }}|{{ -f }}|{{ -true }}|{{ +true }}
{{ {} + {} }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1] ~ undefined_thing }}
{{ 'x' in 'xyz' }}|{{ '' in 'a' }}|{{ 1 in [1, 2] }}|{{ 3 not in [1, 2] }}|{{ 'a' in d }}|{{ 'z' in d }}|{{ 1 in (1,) }}|{{ 2 in range(3) }}
{{ 1 in 'a1' }}
{{ none in 'a' }}
{{ 1 in 5 }}
{{ 'a' in none }}
{{ [] in d }}
{{ 'x' in undefined_thing }}
{{ not 1 in [1] }}|{{ not (1 in [1]) }}|{{ 1 not in [1] }}|{{ not not 1 }}
{{ 'yes' if n > 10 else 'no' }}|{{ 'yes' if n > 100 }}|{{ 'a' if false else 'b' if false else 'c' }}
{{ ('yes' if false).x }}
{{ undefined_thing }}|{{ undefined_thing is defined }}|{{ undefined_thing | default('d') }}|{{ not undefined_thing }}|{{ undefined_thing == other_thing }}|{{ undefined_thing != 1 }}
{{ undefined_thing.x }}
{{ undefined_thing['x'] }}
{{ undefined_thing + 1 }}
{{ 1 + undefined_thing }}
{{ 'a' + undefined_thing }}
{{ undefined_thing < 1 }}
{{ 'a' * undefined_thing }}
{{ -undefined_thing }}
{{ undefined_thing() }}
{{ undefined_thing | length }}|{{ undefined_thing | list }}|{{ undefined_thing | upper }}|{{ undefined_thing | trim }}|{{ undefined_thing | join(',') }}|{{ undefined_thing | string }}
{{ undefined_thing | int }}
{{ undefined_thing | float }}
{{ undefined_thing | abs }}
{{ undefined_thing | tojson }}
{{ [undefined_thing] }}|{{ {'a': undefined_thing} }}
{{ undefined_thing | first }}|{{ undefined_thing | last }}|{{ undefined_thing | items | list }}|{{ undefined_thing | reverse | list }}
{{ undefined_thing[1:] }}
{% for x in undefined_thing %}x{% else %}none{% endfor %}
{% for x in none %}x{% endfor %}
{% for x in 5 %}x{% endfor %}
{{ d.b }}|{{ d['a'] }}|{{ d.C[1] }}|{{ d.missing }}|{{ d['items'] }}|{{ d.get('a') }}|{{ d.get('z') }}|{{ d.get('z', 5) }}
{{ d.items() }}|{{ d.keys() }}|{{ d.values() }}|{{ d.items() | list }}|{{ d.keys() | length }}
{{ d.missing.deeper }}
{{ none.x }}|{{ none['x'] }}
{{ none.x.y }}
{{ n.x }}|{{ 'abc'.x }}|{{ list.x }}
{{ list[0] }}|{{ list[-1] }}|{{ list[10] }}|{{ list['a'] }}|{{ list.0 }}|{{ list[true] }}|{{ 'abc'[1] }}|{{ 'aöc'[1] }}|{{ 'abc'[-1] }}|{{ 'abc'[7] }}
{{ list[10].x }}
{{ list[1:] }}|{{ list[:-1] }}|{{ list[::-1] }}|{{ list[::2] }}|{{ list[5:] }}|{{ list[-2:] }}|{{ (1, 2, 3)[1:] }}|{{ list[:] }}
{{ 'héllo😀'[1:] }}|{{ 'héllo😀'[::-1] }}|{{ 'hello'[:2] }}|{{ 'hello'[-3:-1] }}|{{ 'hello'[4:1:-1] }}|{{ 'hello'[10:] }}
{{ 'hello'[none:2] }}|{{ range(10)[2:8:3] | list }}|{{ range(10)[3] }}|{{ range(10)[-1] }}|{{ range(3) }}|{{ range(1, 9, 2) }}
{{ list[::0] }}
{{ list['a':] }}
{{ tools[1:] }}
{{ d[1:] }}
{{ n[1:] }}
{{ (range(3) | map('string'))[0:1] }}
{{ [1, [2, 3]][1][0] }}|{{ {'a': {'b': [1, 2]}}.a.b[1] }}|{{ {1: 'x'}[1] }}|{{ {1: 'x'}[true] }}|{{ {1.0: 'y'}[1] }}|{{ {(1, 2): 'z'}[(1, 2)] }}
{{ {[1]: 2} }}
{{ {'a': 1, 'a': 2} }}|{{ {} }}|{{ [] }}|{{ () }}|{{ (1,) }}|{{ (1, 2) }}|{{ 1, 2 }}|{{ [1, 2,] }}|{{ {'a': 1,} }}
{{ mixed }}|{{ mixed | string }}|{{ d }}|{{ people }}
{{ quote }}|{{ [quote] }}|{{ [both] }}|{{ ['"'] }}|{{ ['a\nb\t\\'] }}
{{ [control] }}
{{ [text, html, 'é', '😀', '\x00'] }}
{{ messages }}
{{ messages | tojson }}
{{ messages | tojson(indent=2) }}
{{ d | tojson(indent=4, sort_keys=true) }}
{{ d | tojson(sort_keys=true) }}|{{ d | tojson(separators=(',', ':')) }}|{{ d | tojson(indent=1, separators=(', ', '=')) }}
{{ [] | tojson(indent=2) }}|{{ {} | tojson(indent=2) }}|{{ [[]] | tojson(indent=2) }}|{{ [1] | tojson(indent=0) }}|{{ [1, [2]] | tojson(indent='--') }}
{{ control | tojson }}|{{ control | tojson(ensure_ascii=true) }}|{{ 'é😀<>&\'"/' | tojson }}|{{ 'é😀' | tojson(true) }}
{{ none | tojson }}|{{ true | tojson }}|{{ 1.0 | tojson }}|{{ (1, 2) | tojson }}|{{ 'x' | tojson }}|{{ big | tojson }}|{{ (1e308 * 10) | tojson }}|{{ (1e308 * -10) | tojson }}
{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }}
{{ {(1,): 2} | tojson }}
{{ {1: 1, 'a': 2} | tojson(sort_keys=true) }}
{{ range(3) | tojson }}
{{ d.items() | tojson }}
{{ namespace(a=1) | tojson }}
{{ [1, 2] | tojson(foo=1) }}
{{ text | trim }}|{{ '  a ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ 'xyaxy' | trim(chars='xy') }}|{{ 5 | trim }}|{{ spaces | trim | length }}|{{ none | trim }}
{{ 'Hello' | upper }}|{{ 'HeLLo' | lower }}|{{ 'hello world' | title }}|{{ 'hELLO wORLD' | capitalize }}|{{ 12 | upper }}
{{ case | upper }}|{{ case | lower }}|{{ case | title }}|{{ case | capitalize }}|{{ case.title() }}|{{ case.upper() }}
{{ sigma | lower }}|{{ sigma.title() }}|{{ sigma.capitalize() }}|{{ sigma | title }}
{{ 'foo-bar (baz) [qux] {x} <y>' | title }}|{{ 'foo  BAR' | title }}
{{ messages[1].content | length }}|{{ '😀é' | length }}|{{ d | length }}|{{ list | count }}|{{ range(5) | length }}
{{ 5 | length }}
{{ none | length }}
{{ list | map('string') | length }}
{{ words | join(', ') }}|{{ list | join }}|{{ [1, none, true] | join('-') }}|{{ 'abc' | join('.') }}|{{ people | join(',', attribute='name') }}|{{ list | join(0) }}
{{ none | join }}
{{ words | sort }}|{{ words | sort(case_sensitive=true) }}|{{ words | sort(reverse=true) }}|{{ list | sort }}|{{ people | sort(attribute='name') | map(attribute='name') | list }}
{{ people | sort(attribute='age,name') | map(attribute='name') | join(' ') }}|{{ people | sort(attribute='age', reverse=true) | map(attribute='name') | join(' ') }}
{{ mixed | sort }}
{{ people | sort }}
{{ people | sort(attribute='missing') }}
{{ [none, 1] | sort }}
{{ words | unique | list }}|{{ words | unique(true) | list }}|{{ [1, 1.0, true, 2] | unique | list }}|{{ people | unique(attribute='age') | map(attribute='name') | list }}
{{ [[1]] | unique | list }}
{{ list | min }}|{{ list | max }}|{{ words | min }}|{{ words | max }}|{{ people | max(attribute='age') }}|{{ [] | min }}|{{ words | max(case_sensitive=true) }}
{{ ([] | min).x }}
{{ list | sum }}|{{ [] | sum }}|{{ people | sum(attribute='age') }}|{{ [0.1, 0.2, 0.3] | sum }}|{{ [[1], [2]] | sum(start=[]) }}
{{ ['a'] | sum }}
{{ list | first }}|{{ list | last }}|{{ [] | first }}|{{ [] | last }}|{{ 'abc' | first }}|{{ 'abc' | last }}|{{ d | first }}|{{ d | last }}
{{ 5 | first }}
{{ (list | map('string')) | last }}
{{ (list | map('string')) | first }}
{{ list | reverse | list }}|{{ 'aö😀' | reverse }}|{{ d | reverse | list }}|{{ (list | map('abs')) | reverse }}
{{ 5 | reverse }}
{{ words | map('upper') | list }}|{{ words | map('length') | list }}|{{ people[:2] | map(attribute='city.zip') | list }}|{{ people[:2] | map(attribute='city.zap', default='?') | list }}|{{ people | map(attribute='city', default='?') | list }}
{{ people | map(attribute='city.zip.x') | list }}
{{ list | map('nofilter') | list }}
{{ list | map | list }}
{{ list | map(foo=1) | list }}
{{ list | map(attribute='x', foo=1) | list }}
{{ words | map('replace', 'a', 'o') | join(',') }}|{{ [[1, 2], [3]] | map('join', '+') | list }}|{{ [[1, 2], [3]] | map(attribute=0) | list }}
{{ list | select('odd') | list }}|{{ list | select('>', 1) | list }}|{{ [0, 1, ''] | select | list }}|{{ list | reject('equalto', 2) | list }}|{{ list | reject('in', [1, 2]) | list }}
{{ people | selectattr('age', 'equalto', 30) | map(attribute='name') | list }}|{{ people | rejectattr('city') | list }}|{{ people | selectattr('city', 'defined') | list | length }}|{{ people[:2] | selectattr('city.zip', '==', 1) | list | length }}
{{ people | selectattr('city.zip', '==', 1) | list | length }}
{{ list | select('notest') | list }}
{{ people | selectattr | list }}
{{ messages | selectattr('role', 'in', ['user', 'system']) | map(attribute='content') | list }}
{% if people | selectattr('age', 'equalto', 99) %}always true{% else %}false{% endif %}
{% if people | selectattr('age', 'equalto', 99) | list %}true{% else %}false{% endif %}
{% set g = list | map('string') %}{{ g | join }}|{{ g | join }}
{{ none | map('upper') | list }}|{{ none | select | list }}
{{ 5 | map('upper') | list }}
{{ d | items | list }}|{{ d | dictsort }}|{{ d | dictsort(true) }}|{{ {'a': 3, 'b': 1} | dictsort(by='value') }}|{{ d | dictsort(reverse=true) | map(attribute=0) | join }}
{{ list | items | list }}
{{ d | dictsort(by='x') }}
{{ d | dictsort(by='value') }}
{{ list | dictsort }}
{{ 'abc' | list }}|{{ d | list }}|{{ (1, 2) | list }}|{{ range(3) | list }}|{{ 'ö😀' | list }}
{{ 5 | list }}
{{ 'aXbXc' | replace('X', '-') }}|{{ 'aXbXc' | replace('X', '-', 1) }}|{{ 'abc' | replace('', '.') }}|{{ 123 | replace(2, 'x') }}|{{ 'äöü' | replace('', '|', 2) }}|{{ 'aaa' | replace('a', 'b', 0) }}
{{ 'x' | replace('x') }}
{{ none | default('x') }}|{{ none | default('x', true) }}|{{ '' | d('e', true) }}|{{ 0 | default(5, boolean=true) }}|{{ undefined_thing | default }}|{{ d.q | default('no') }}
{{ undefined_thing.x | default('y') }}
{{ '42' | int }}|{{ 'x' | int }}|{{ 'x' | int(7) }}|{{ '42.9' | int }}|{{ 3.99 | int }}|{{ -3.99 | int }}|{{ ' 12 ' | int }}|{{ '0x1f' | int(base=16) }}|{{ '1f' | int(0, 16) }}|{{ true | int }}|{{ none | int }}|{{ [] | int(3) }}|{{ '1_000' | int }}|{{ '1__0' | int }}|{{ '_1' | int }}|{{ '-5' | int }}|{{ '+5' | int }}|{{ '1e3' | int }}|{{ 'inf' | int }}|{{ 'nan' | int }}|{{ '٣' | int }}|{{ '010' | int }}
{{ (1e308 * 10) | int }}
{{ '1.5' | float }}|{{ 'x' | float }}|{{ 'x' | float(2.5) }}|{{ 3 | float }}|{{ 'inf' | float }}|{{ '-Infinity' | float }}|{{ 'NaN' | float }}|{{ '1e400' | float }}|{{ '1_0.5' | float }}|{{ none | float }}|{{ '.5' | float }}|{{ '5.' | float }}|{{ '0x10' | float }}|{{ '1e-400' | float }}
{{ -5 | abs }}|{{ (-5) | abs }}|{{ (-1.5) | abs }}|{{ true | abs }}|{{ -0.0 | abs }}
{{ 'a' | abs }}
{{ 42.55 | round }}|{{ 42.55 | round(1) }}|{{ 2.5 | round }}|{{ 3.5 | round }}|{{ 2.675 | round(2) }}|{{ 42.55 | round(1, 'floor') }}|{{ 42.55 | round(1, 'ceil') }}|{{ 42 | round }}|{{ 1250 | round(-2) }}|{{ 1350 | round(-2) }}|{{ -2.5 | round }}|{{ 1234.5 | round(-2) }}|{{ 42 | round(0, 'ceil') }}|{{ -0.4 | round }}
{{ 4 | round(1, 'up') }}
{{ 'a' | round }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2) }}|{{ 'a\nb' | indent(width=2, first=true) }}|{{ 'a\n\nb' | indent(2, blank=true) }}|{{ 'a\nb' | indent('> ') }}|{{ 'a\nb\n' | indent(2) }}|{{ '' | indent }}
{{ 5 | indent }}
{{ html | escape }}|{{ html | e }}|{{ html | safe }}|{{ html | e | e }}|{{ 5 | e }}|{{ none | e }}
{{ ('<b>' | safe) + '<i>' }}|{{ '<i>' + ('<b>' | safe) }}|{{ ('<b>' | safe) ~ '<i>' }}|{{ ['<b>' | safe] }}|{{ ('<b>' | safe) | upper }}|{{ (('<b>' | safe) | upper) + '<' }}|{{ ('a,b' | safe).split(',') }}|{{ ('<' | safe) is escaped }}
{{ ('<b>' | safe) | tojson }}|{{ ('<b>' | safe) is string }}|{{ ('<b>' | safe) == '<b>' }}|{{ ('%s' | safe) | length }}|{{ ('<' | safe).replace('<', '<<') }}
{{ 'foo bar baz qux' | truncate(9) }}|{{ 'foo bar baz qux' | truncate(9, true) }}|{{ 'foo bar baz qux' | truncate(11) }}|{{ 'foo bar baz qux' | truncate(11, false, '...', 0) }}|{{ 'short' | truncate }}
{{ 'foo bar' | truncate(2) }}
{{ 'one two  three' | wordcount }}|{{ 'a_b c-d é' | wordcount }}|{{ '' | wordcount }}
{{ '%s is %d and %.2f' | format('x', 3, 2.345) }}|{{ '%(a)s' | format(a=5) }}|{{ '%5s|%-5s|%05d|%x|%X|%o' | format('a', 'b', 42, 255, 255, 8) }}|{{ '%e %g %G' | format(12345.678, 0.00001, 1e20) }}|{{ '100%%' | format }}|{{ '%r' | format('a') }}|{{ '%+d % d' | format(5, 5) }}|{{ '%c' | format('x') }}|{{ '%*d' | format(5, 3) }}|{{ '%#x' | format(255) }}|{{ '%.3d' | format(5) }}|{{ '%d' | format(3.7) }}|{{ '%.2s' | format('äöü') }}
{{ '%s' % 'a' }}|{{ '%s %s' % ('a', 1) }}|{{ '%s' % none }}|{{ '%s' % [1, 2] }}|{{ '%(x)s' % {'x': 1} }}|{{ '%s' % {'x': 1} }}|{{ 'a' % {} }}|{{ 'a' % [] }}|{{ '%s' % undefined_thing }}
{{ '%d' % 'a' }}
{{ '%s %s' % 'a' }}
{{ '%s' % (1, 2) }}
{{ 'a' % 1 }}
{{ '%q' % 1 }}
{{ '%(x)s' % {} }}
{{ '{} {}'.format(1, 'a') }}|{{ '{1} {0}'.format(1, 'a') }}|{{ '{x}'.format(x=5) }}|{{ '{0.b}'.format(d) }}|{{ '{0[a]}'.format(d) }}|{{ '{!r}'.format('a') }}|{{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format(1, 'a', 'b', 'c') }}|{{ '{{}}'.format() }}|{{ '{:05d}|{:+}|{:,}|{:x}|{:#x}|{:b}|{:.2f}|{:.3}|{:%}|{:e}'.format(42, 5, 1234567, 255, 255, 5, 3.14159, 'abcdef', 0.25, 1500.0) }}|{{ '{:{}}'.format('a', 4) }}|{{ '{:.2f}'.format(1) }}|{{ '{}'.format(none) }}|{{ '{:5}|{:5}'.format(1, 1.5) }}|{{ '{:.3}'.format(3.14159) }}|{{ '{:,.2f}'.format(1234567.891) }}
{{ '{'.format() }}
{{ '}'.format() }}
{{ '{}'.format() }}
{{ '{x}'.format() }}
{{ '{:d}'.format('a') }}
{{ '{} {0}'.format(1) }}
{{ '{:5}'.format(none) }}
{{ '{0.__class__}'.format(1) }}|
{{ 'a b  c'.split() }}|{{ 'a,b,,c'.split(',') }}|{{ 'a,b,c'.split(',', 1) }}|{{ ' a b '.split(' ') }}|{{ ''.split() }}|{{ ''.split(',') }}|{{ ' a  b  c '.split(none, 1) }}|{{ 'a b c'.rsplit(' ', 1) }}|{{ ' a  b  c '.rsplit(none, 1) }}|{{ 'a</think>b'.split('</think>')[-1] }}|{{ 'a\u3000b'.split() }}|{{ 'a,b'.split(sep=',', maxsplit=0) }}
{{ 'a'.split('') }}
{{ 'a'.split(1) }}
{{ '  a '.strip() }}|{{ 'xxa'.lstrip('x') }}|{{ 'axx'.rstrip('x') }}|{{ '\na\n'.strip('\n') }}|{{ ' a '.lstrip() }}|{{ 'éaé'.strip('é') }}|{{ spaces.strip() | length }}|{{ '\x1c\x85a'.strip() }}
{{ 'a'.strip(1) }}
{{ 'hello'.startswith('he') }}|{{ 'hello'.endswith('lo') }}|{{ 'hello'.startswith(('a', 'h')) }}|{{ 'hello'.startswith('l', 2) }}|{{ 'hello'.endswith('l', 0, 4) }}|{{ ''.startswith('') }}|{{ 'a'.startswith('', 5) }}
{{ 'a'.startswith(1) }}
{{ 'hello'.find('l') }}|{{ 'hello'.find('z') }}|{{ 'hello'.rfind('l') }}|{{ 'hello'.find('l', 3) }}|{{ 'aöb'.find('b') }}|{{ 'hello'.index('e') }}|{{ 'hello'.count('l') }}|{{ 'aaa'.count('aa') }}|{{ 'abc'.count('') }}|{{ 'hello'.find('l', -2) }}
{{ 'hello'.index('z') }}
{{ 'a-b'.replace('-', '+') }}|{{ 'aaa'.replace('a', 'b', 2) }}|{{ 'abc'.replace('', '-') }}|{{ 'Hello'.upper() }}|{{ 'Hello'.lower() }}|{{ 'hello world'.title() }}|{{ 'hELLO'.capitalize() }}|{{ "they're".title() }}
{{ ','.join(['a', 'b']) }}|{{ ''.join([]) }}|{{ '-'.join('abc') }}|{{ ', '.join(d) }}
{{ ','.join([1]) }}
{{ 'a\nb\r\nc\rd\x0be\u2028f\n'.splitlines() }}|{{ 'a\nb'.splitlines(true) }}|{{ ''.splitlines() }}
{{ 'abc'.isalpha() }}|{{ '12'.isdigit() }}|{{ '²'.isdigit() }}|{{ '²'.isdecimal() }}|{{ 'a1'.isalnum() }}|{{ ' \n'.isspace() }}|{{ ''.isspace() }}|{{ 'ABC'.isupper() }}|{{ 'abc1'.islower() }}|{{ 'é'.isalpha() }}|{{ '1'.isupper() }}
{{ 'prefix-x'.removeprefix('prefix-') }}|{{ 'x.txt'.removesuffix('.txt') }}|{{ 'a=b=c'.partition('=') }}|{{ 'a=b=c'.rpartition('=') }}|{{ 'abc'.partition('x') }}|{{ 'abc'.rpartition('x') }}|{{ 'a'.center(5, '*') }}|{{ 'ab'.center(5, '*') }}|{{ 'a'.ljust(3, '.') }}|{{ 'a'.rjust(3) }}
{{ list.index(2) }}|{{ list.count(1) }}|{{ (1, 2, 1).count(1) }}|{{ (1, 2, 1).index(1, 1) }}|{{ list.copy() }}|{{ d.copy() == d }}
{{ list.index(99) }}
{{ list.append(1) }}
{{ list.pop() }}
[{{ list.append }}]|{{ list.append is defined }}
{{ d.update({'x': 1}) }}
{{ d.pop('b') }}
{{ d.setdefault('q', 1) }}
{{ d.get() }}
{{ d.get([]) }}
{{ d.items(1) }}
{{ 'a'.__class__ }}|{{ list.__len__ }}|{{ 'a'._x }}
{{ 'a'.__class__.__mro__ }}
{{ 'a'.__class__() }}
{{ ''['__class__'] }}|
{{ 'a'() }}
{{ n() }}
{{ d.b() }}
{{ upper }}|{{ 'a'.upper is callable }}|{{ range is callable }}|{{ n is callable }}
{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}
{% for x in list %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for x in list if x > 1 %}{{ x }}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}
{% for x in list if x > 10 %}{{ x }}{% else %}nothing{% endfor %}
{% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k, v in d | items %}{{ k }}{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a + b + c }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% for a, b in ['xy'] %}{{ a }}{{ b }}{% endfor %}
{% for k in d %}{{ k }}{% endfor %}|{% for c in 'aö😀' %}{{ c }}.{% endfor %}|{% for x in range(3) %}{{ x }}{% endfor %}|{% for x in (1, 2) %}{{ x }}{% endfor %}|{% for x in 1, 2 %}{{ x }}{% endfor %}
{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}|{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}no{% endfor %}
{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }}{{ loop.index }} {% endfor %}{{ loop.index }}{% endfor %}
{% for x in list recursive %}{{ x }}{% endfor %}|{% for x in [1, [2, [3]], 4] recursive %}{% if x is number %}{{ x }}@{{ loop.depth }} {% else %}[{{ loop(x) }}]{% endif %}{% endfor %}
{% for x in list %}{{ loop(x) }}{% endfor %}
{% for x in list %}{% for y in [loop.index] %}{{ y }}{% endfor %}{% endfor %}
{% for x in list if loop.first %}{{ x }}{% endfor %}
{% for x in list %}{% set q = x %}{{ q }}{% endfor %}{{ q }}|{{ x }}|{% set y = 1 %}{% for x in list %}{{ y }}{% set y = x %}{{ y }}{% endfor %}{{ y }}
{% if true %}{% set z = 1 %}{% endif %}{{ z }}|{% set n = n + 1 %}{{ n }}|{% set a, b = 1, 2 %}{{ a }}{{ b }}|{% set (a, b) = [b, a] %}{{ a }}{{ b }}
{% set a, b = 1 %}
{% set ns = namespace(x=0, y='a') %}{% for i in list %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}|{{ ns.y }}|{{ ns.z }}|{{ ns['x'] }}|{{ ns }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{% set ns.c = [ns.a] %}{{ ns.c }}
{% set ns = namespace(_a=1) %}
{% set ns = namespace() %}{% set ns._a = 1 %}
{% set d.x = 1 %}
{% set nope.x = 1 %}
{% set x = 'abc' %}{% set x %}a{{ x }}{% endset %}{{ x }}|{% set y | upper %}abc{{ n }}{% endset %}{{ y }}|{% set z | trim | length %}  abc  {% endset %}{{ z }}|{{ z is number }}
{% set x = dict(a=1, b=2) %}{{ x }}|{{ dict([('a', 1)]) }}|{{ dict({'z': 1}, y=2) }}|{{ dict() }}
{{ dict([1]) }}
{{ dict(1) }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, 5) }}|{{ m(a=3, c=4) }}|{{ m() }}|{{ m }}|{{ m.name }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}
{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(5) }}
{% macro m() %}{{ name }}{{ later }}{% endmacro %}{{ name }}{% set later = 1 %}{{ m() }}|{% set name = 'changed' %}{{ m() }}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{{ n }}{% endcall %}|{% macro k(x) %}{{ caller(x, 2) }}{% endmacro %}{% call(a, b) k(1) %}{{ a }}-{{ b }}{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}  text  {% endmacro %}{{ m() | trim | upper }}|{{ m() ~ 'x' }}|{{ (m() + 'y') | length }}
{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{{ m(1) }}{% macro m(a) %}{{ a }}{% endmacro %}
{% filter upper %}abc{{ name }}{% endfilter %}|{% filter trim | replace('a', 'b') %}  aaa {% endfilter %}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}|{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}|{% set a = 5 %}{% with a = a + 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% print 1, 'a' %}|{% print n %}
{% raw %}{{ not }} {% if %}{% endraw %}|{% raw -%}  x  {%- endraw %}|
a {# comment {{ x }} #} b {#- strip -#} c{# multi
line #}
d
{% if n == 42 %}yes{% elif n %}no{% else %}else{% endif %}|{% if none %}{% elif 0 %}{% else %}else{% endif %}|{% if '' or [] or {} or 0.0 %}x{% else %}falsy{% endif %}
{% if undefined_thing %}x{% elif undefined_thing is not defined %}u{% endif %}
{{ raise_exception('boom') }}
{{ raise_exception('got ' ~ n) }}
{{ raise_exception() }}
{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%H:%M:%S %A %j') }}|{{ strftime_now is defined }}
{{ range(3) | list }}|{{ range(2, 5) | list }}|{{ range(5, 0, -2) | list }}|{{ range(0) | list }}|{{ range(3) == range(0, 3) }}|{{ range(1, 0) | length }}
{{ range(1.5) }}
{{ range('3') }}
{{ range() }}
{{ range(1, 2, 0) }}
{{ range(1000000) | length }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}
{{ cycler() }}
{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}
{{ n is number }}|{{ f is float }}|{{ n is integer }}|{{ true is integer }}|{{ true is number }}|{{ true is boolean }}|{{ none is none }}|{{ name is string }}|{{ d is mapping }}|{{ list is mapping }}
{{ list is sequence }}|{{ 'a' is sequence }}|{{ d is sequence }}|{{ 5 is sequence }}|{{ range(3) is sequence }}|{{ (list | map('string')) is sequence }}|{{ d.items() is sequence }}|{{ undefined_thing is sequence }}|{{ none is sequence }}
{{ list is iterable }}|{{ 'a' is iterable }}|{{ 5 is iterable }}|{{ d is iterable }}|{{ none is iterable }}|{{ undefined_thing is iterable }}|{{ d.keys() is iterable }}
{{ true is true }}|{{ 1 is true }}|{{ false is false }}|{{ 0 is false }}|{{ none is false }}|{{ undefined_thing is undefined }}|{{ none is undefined }}|{{ none is defined }}
{{ 3 is odd }}|{{ 4 is even }}|{{ -3 is odd }}|{{ 9 is divisibleby 3 }}|{{ 9 is divisibleby(2) }}|{{ 3 is not odd }}|{{ 1.0 is odd }}
{{ 'a' is odd }}
{{ 5 is divisibleby 0 }}
{{ n is eq 42 }}|{{ n is equalto(42) }}|{{ n is ne 1 }}|{{ n is gt 1 }}|{{ n is lt 1 }}|{{ n is ge 42 }}|{{ n is le 41 }}|{{ n is greaterthan 5 }}|{{ n is lessthan 5 }}|{{ 1 is in [1] }}|{{ 'a' is in 'abc' }}|{{ n is sameas n }}|{{ none is sameas none }}|{{ 1 is sameas true }}
{{ 'abc' is lower }}|{{ 'ABC' is upper }}|{{ 'Abc' is lower }}|{{ '1' is lower }}|{{ 5 is upper }}|{{ 'upper' is filter }}|{{ 'nofilter' is filter }}|{{ 'odd' is test }}|{{ 'x' is test }}
{{ n is string or name is string }}|{{ n is string and true }}|{{ not n is string }}|{{ n is defined and d.a is defined and d.zz is not defined }}
{{ 'a' is string if true else 'b' }}
{{ n is nosuchtest }}
{{ n | nosuchfilter }}
{% if false %}{{ n | nosuchfilter }}{% endif %}ok
{% if true %}{{ n | nosuchfilter }}{% endif %}
{% if false %}{% for x in [] %}{{ n | nosuchfilter }}{% endfor %}{% endif %}
{{ (n | nosuchfilter) if false else 'fine' }}
{{ n is nosuchtest if false else 'fine' }}
{% if 'from_yaml' is filter %}{{ n | from_yaml }}{% else %}no{% endif %}
{{ n is odd is even }}
{{ 'a' 'b' 'c' }}|{{ "x\x41\u00e9\U0001F600\101\n\t\\\'\"\q" }}|{{ '\N{GREEK SMALL LETTER ALPHA}' }}|{{ 'line\
continued' }}
{{ 'multi
line' }}
{{ '\x4' }}
{{ '\u12' }}
{{ '\N{NO SUCH NAME}' }}
{{ 'unclosed }}
{{ (1 + 2 }}
{{ [1, 2) }}
{{ 1 + }}
{{ }}
{{ 1 2 }}
{{ a b }}
{{ $ }}
{{ x!y }}
{{ {'a' 1} }}
{{ f(a=1, 2) }}
{{ f(**a, *b) }}
{% if %}{% endif %}
{% if n %}
{% for x in list %}
{% endif %}
{% endfor %}
{% else %}
{% for %}{% endfor %}
{% for x list %}{% endfor %}
{% for x.y in list %}{% endfor %}
{% for 1 in list %}{% endfor %}
{% set %}
{% set 1 = 2 %}
{% set true = 2 %}
{% set x 1 %}
{% set x = %}
{% unknown %}
{% do list.append(1) %}
{% macro %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% call n %}{% endcall %}
{% filter %}{% endfilter %}
{% %}
{{ n
{% if n
{# unclosed
{% raw %} unclosed
{% break %}
{% continue %}
{% if n %}{% endfor %}
{% for x in list %}{% endif %}
{% if n %}a{% else %}b{% elif n %}c{% endif %}
{{ n.1.5 }}
{{ list.1.0 }}
{{ 1.reel }}
{{ 'a'.b.c }}
{{ x[ }}
{{ list[] }}
{{ list[1, 2] }}
{{ not }}
{{ is defined }}
{{ n is }}
{{ n | }}
{{ n if }}
{{ n if true else }}
{{ lambda }}|{{ class }}
{{ ünïcode }}|{% set ünï = 1 %}{{ ünï }}
{{ n; }}
{{ 1 if true if false else 2 else 3 }}
{{ 1 if n == 42 }}{{ 'x' if n != 42 }}
{{ ([1, 2, 3] | select('odd')) is string }}
{{ messages[0]['role'] == 'system' }}|{{ messages[0].role }}|{{ messages[1:] | length }}|{{ messages[-1].tool_calls[0].function.arguments.lat }}|{{ messages[2].content is none }}|{{ messages[2].content }}
{% for m in messages %}{% if loop.first and m['role'] != 'system' %}x{% endif %}{{ '<|' + m.role + '|>' }}{{ m.content | trim if m.content is string else m.tool_calls[0].function | tojson }}{% if not loop.last %}{{ '\n' }}{% endif %}{% endfor %}
{% for m in messages %}{{ m.name | default('anon') }}{{ m.get('name', '-') }}{{ 'name' in m }};{% endfor %}
{{ messages[2].content + 'x' }}
{{ messages | map(attribute='role') | join('/') }}|{{ messages | selectattr('role', '==', 'user') | list | length }}
{%- set loop_messages = messages[1:] -%}{{ loop_messages[0].content.split(',')[0] }}
{{ d.C | tojson | safe }}|{{ '"' ~ d.C | tojson ~ '"' }}
{{ (f * 2) | int }}|{{ f | string }}|{{ 1.0 | string }}|{{ none | string }}|{{ true | string ~ 'x' }}
{{ 'a' if d.get('b') else 'z' }}|{{ d.get('b') + 1 }}
{{ *list }}
{% macro m(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*list) }}|{{ m(1, *[2, 3]) }}|{{ m(**{'a': 1, 'b': 2, 'c': 3}) }}|{{ m(1, c=3, b=2) }}
{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}
{{ 'a'.upper(1) }}
{{ 'abc' | upper(1) }}
{{ 'abc' | replace(old='b', new='x') }}|{{ 'abc' | default(default_value='x') }}|{{ [3, 1] | sort(reverse=True) }}
{{ 'abc' | trim(foo=1) }}
{{ 1000000 * 1000000 }}|{{ 4611686018427387904 + 4611686018427387903 }}|{{ -9223372036854775807 - 1 }}
{{ 3 | attr('reel') is defined }}|{{ d | attr('b') is defined }}|{{ d | attr('keys') is defined }}
{{ [1, 2, 3, 4, 5] | batch(2) | list }}|{{ [1, 2, 3] | batch(2, 'x') | list }}|{{ [] | batch(3) | list }}
{{ [1, 2, 3][1:][0] }}|{{ ([1, 2] + [3])[-1] }}|{{ (1, 2)[0] }}|{{ 'abc'.upper()[0].lower() }}|{{ ('a' ~ 'b').upper() }}|{{ -1 | abs }}|{{ 2 * 3 | string }}|{{ (2 * 3) | string * 2 }}
{{ 'a' < 'ä' }}|{{ 'ä' < '😀' }}|{{ '\uffff' < '😀' }}|{{ ['é', 'z', 'a'] | sort }}
{{ [1, 2] is sequence and [1, 2] is not string }}|{{ content is defined }}
{{ '' is string }}|{{ '' | length == 0 }}|{{ ('a', 'b') | join }}|{{ 'é' == 'é' }}
{{ [[1, 2], [3, 4]] | map('sum') | list }}|{{ [[1, 2], [3, 4]] | map('first') | list }}|{{ ['1', '2'] | map('int') | sum }}
{{ d.values() | list | length }}|{{ d.keys() | sort }}|{{ d.items() | sort | first }}
{{ loop is defined }}|{{ caller is defined }}
{% set x = [] %}{% for i in range(3) %}{% set x = x + [i] %}{% endfor %}{{ x }}
{% set s = 'aßc' %}{{ s[1] }}{{ s[1:] }}{{ s | length }}{{ s.upper() | length }}
{{ {'a': 1}.a }}|{{ {'a': {'b': 2}}['a']['b'] }}|{{ [{'a': 1}][0].a }}|{{ {'x y': 1}['x y'] }}|{{ {'a': none}.a is none }}|{{ {'a': none}.get('a', 1) }}
{{ 'x' * 3 ~ 'y' }}|{{ 2 * 3 ~ 4 }}
{{ 1 ~ 2 + 3 }}
{{ 1 + 2 ~ 3 }}
{{ 5 }}|{{ 2 * 3 ~ 4 }}
'''

# Whitespace control and other templates of several lines.
BLOCKS = [
    "{% if true %}\n  a\n{% endif %}\nb\n",
    "  {% if true %}\n  a\n  {% endif %}\n  b",
    "x  {% if true %}  a  {% endif %}  b",
    "a\n  {{ n }}  \nb",
    "a \n {{- n -}} \n b",
    "a \n {%- if true -%} \n b \n {%- endif -%} \n c",
    "a\n  {%+ if true %}\nb\n  {%+ endif %}\nc",
    "{% if true +%}\na\n{% endif +%}\nb",
    "{% for x in list %}\n{{ x }}\n{% endfor %}\n",
    "{% for x in list -%}\n  {{ x }}\n{%- endfor %}\nend",
    "\n\n{% set x = 1 %}\n\n{{ x }}\n\n",
    "a\r\nb\rc{{ '\r\n' | length }}\r\n",
    "line\n\n",
    "line\n",
    "",
    "\n",
    "{# c #}\nx\n  {# c #}  \ny",
    "a{#- c -#}  b",
    "a  {#+ c #}\n b",
    "  {# c #}{% if true %}x{% endif %}",
    "{% raw %}\n {{ x }}\n{% endraw %}\ny",
    "  {% raw %}  a  {% endraw %}  b",
    "a {%- raw -%} b {%- endraw -%} c",
    "{%if true%}a{%endif%}{{n}}",
    "{%- if true %}\n\u00a0 a\n\u3000{%- endif %}",
    "  \t{% set x = 1 %}\t\n{{ x }}",
    "{{ n }}\n{{ n }}\n",
    "{{ '{{' }} { % {% if true %}%}{% endif %} }} %} #}",
    "{{ {'a': {'b': 1}} }}",
    "{{ {'a': {'b': 1}}}}",
    "{% set x = {'a': {}}%}{{ x }}",
    "{{ [1,\n 2,\n 3] }}\n{{ nope.x }}",
    "{% generation %}a{{ n }}{% endgeneration %}b",
    "é{% for m in messages %}{{ m.role }}:{% if m.role == 'user' %}{% generation %}{{ m.content }}<e>{% endgeneration %}"
    "{% endif %}\n{% endfor %}",
    "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}",
    "{% for i in list %}{%- generation -%} {{ loop.index }} {%- endgeneration -%} {% endfor %}",
    "{% for i in list %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% generation %}{% endgeneration %}",
    "{% generation %}x",
    "{% for i in list %}{% set x %}{{ i }}{% if i == 1 %}{% break %}{% endif %}{% endset %}{{ x }}{% endfor %}|{{ x }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.found = true %}"
    "{% endif %}{% endfor %}{{ ns.found }}",
    "{% set ns = namespace(k=1) %}{% for x in [1, 2, 3, 4] if x > ns.k %}{% set ns.k = x + 1 %}{{ x }}{% endfor %}",
    "{% macro show(m, depth=0) -%}\n{{ '  ' * depth }}{{ m.role }}\n{%- endmacro -%}\n"
    "{% for m in messages %}\n{{ show(m, loop.index0) }}\n{% endfor %}",
    "{%- macro param(p) -%}\n  {%- for k, v in p | dictsort %}{{ k }}:{{ v | tojson }}{{ ', ' if not loop.last }}"
    "{%- endfor -%}\n{%- endmacro -%}{{ param(messages[2].tool_calls[0].function.arguments) }}",
    "{% set a %}  x\n  {% endset %}[{{ a }}]",
    "{% filter indent(2, true) %}\na\nb\n{% endfilter %}",
    "{% for x in [1, 1, 2] %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}",
    "{% for x in list %}{% if loop.previtem is defined %}{{ loop.previtem }}<{% endif %}{{ x }}"
    "{% if loop.nextitem is defined %}>{% endif %} {% endfor %}",
    "{% for x in list %}{{ loop.last }}{{ loop.length }}{% endfor %}{% for x in list | map('string') %}"
    "{{ loop.length }}{{ loop.last }}{{ loop.revindex }}{% endfor %}",
    "{% for x in [] %}{% else %}{% set q = 1 %}{{ q }}{% endfor %}{{ q }}",
    "{% for i in range(3) %}{% for j in range(i) %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{%- for message in messages -%}\n    {%- if message.role not in ['user', 'assistant', 'system'] -%}\n"
    "        {{ raise_exception('unknown role') }}\n    {%- endif -%}\n    [{{ loop.index }}]\n{%- endfor -%}",
    "{{ 'a' }}\n\n\n{% if false %}\nx\n{% endif %}\n{{ 'b' }}",
    "{% if true: %}a{% endif %}",
    "{% set x = 1, 2 %}{{ x }}{% set y = 1, %}{{ y }}",
    "{{ 1, }}",
    "{% with x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endwith %}",
    "{% macro outer() %}{% macro inner() %}i{{ name }}{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}",
    "{% macro m(x) %}{{ x }}{% set x = 2 %}{{ x }}{% endmacro %}{% set x = 9 %}{{ m(1) }}{{ x }}",
    "{% set f = messages[1].content.upper %}{{ f() }}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ loop.index }}{{ k }}{{ v }}{{ loop.length }}{% endfor %}",
    "{% if tools %}tools{% elif tools is none %}no tools{% endif %}{% if documents %}x{% endif %}",
    "{{ messages[1].content[:7] }}|{{ messages[1].content[-1] }}|{{ messages[1].content | upper }}",
]


def main(out_dir):
    env = environment()
    lines = CASES.strip("\n").split("\n")
    # A case goes on over lines until what it opens is closed; the few that do are joined here.
    cases, pending = [], None
    for line in lines:
        if pending is not None:
            pending += "\n" + line
            if pending.endswith(("}}", "d")):
                cases.append(pending)
                pending = None
        elif line.endswith("{# multi") or line.endswith("{{ 'line\\") or line == "{{ 'multi":
            pending = line
        else:
            cases.append(line)
    results = []
    for template in cases + BLOCKS:
        env.printed.clear()
        env.spans.clear()
        case = {"template": template}
        try:
            for block in env.from_string(template).generate(**CONTEXT):
                env.printed.append(block)
            case["output"] = "".join(env.printed)
            if env.spans:
                case["generations"] = list(env.spans)
        except Exception as error:
            case["error"] = type(error).__name__
            case["message"] = str(error)
        assert " at 0x" not in json.dumps(case) or "output" not in case, template
        results.append(case)
    with open(os.path.join(out_dir, "cases.json"), "w", encoding="utf-8") as f:
        f.write('{"context": ' + json.dumps(CONTEXT) + ',\n"cases": [\n')
        f.write(",\n".join(json.dumps(case) for case in results) + "\n]}\n")
    print(len(results), "cases,", sum("error" in case for case in results), "of them errors")


main(sys.argv[1])
