import { expect, test } from 'vitest';

import { fieldOf, untouched, valuesOf, withWords } from '../src/form';
import { parameterOf } from './fakes';

const FIELDS = [
  parameterOf({ name: 'limit', type: 'int', default: 10, written: '10' }),
  parameterOf({ name: 'dry', type: 'bool', default: false, written: 'False' }),
  parameterOf({ name: 'month', type: 'str', default: '2026-09', written: "'2026-09'" }),
  parameterOf({ name: 'tags', type: 'list', default: ['a'], written: "['a']" }),
  parameterOf({ name: 'day', default: null, written: 'date.today()' })
].map(fieldOf);

test('each type has its own kind of field, with the default in it', () => {
  expect(FIELDS.map(field => field.kind)).toEqual(['number', 'checkbox', 'text', 'text', 'text']);
  expect(untouched(FIELDS)).toEqual({ limit: '10', dry: false, month: '2026-09', tags: "['a']", day: '' });
});

test('an expression is shown in grey, and left to the notebook', () => {
  expect(FIELDS[4]?.placeholder).toBe('date.today()');
});

test('an untouched form gives no values, so that the notebook keeps its own', () => {
  expect(valuesOf(FIELDS, untouched(FIELDS))).toEqual({});
});

test('only what was changed is given; an emptied number is not', () => {
  const answers = { ...untouched(FIELDS), limit: '', dry: true, month: '' };
  expect(valuesOf(FIELDS, answers)).toEqual({ dry: true, month: '' });
});

test('a required parameter is given as it was answered', () => {
  const fields = ['str', 'bool'].map(type => fieldOf(parameterOf({ name: type, type, written: '', required: true })));
  expect(valuesOf(fields, { str: '2026-09', bool: false })).toEqual({ str: '2026-09', bool: false });
});

test('a number that JSON does not have is edited as text', () => {
  const field = fieldOf(parameterOf({ type: 'float', default: 'inf', written: "float('inf')" }));
  expect([field.kind, field.initial]).toEqual(['text', 'inf']);
});

test('what there is to choose from is chosen, and nothing where the notebook itself knows', () => {
  const choices = ['RED', 'GREEN'];
  const fields = [
    parameterOf({ name: 'color', type: 'Color', choices, default: 'RED', written: 'Color.RED' }),
    parameterOf({ name: 'level', type: 'Literal[1, 2]', choices: ['1', '2'], default: 1, written: '1' }),
    parameterOf({ name: 'shade', type: 'Color', choices, written: 'darker()' })
  ].map(fieldOf);
  expect(fields.map(field => [field.kind, field.initial])).toEqual([
    ['choice', 'RED'],
    ['choice', '1'],
    ['choice', '']
  ]);
  expect(fields[2]?.placeholder).toBe('darker()');
  expect(valuesOf(fields, { ...untouched(fields), color: 'GREEN' })).toEqual({ color: 'GREEN' });
});

test('a schedule takes words also where a number is due', () => {
  expect(FIELDS.map(withWords).map(field => field.kind)).toEqual(['text', 'checkbox', 'text', 'text', 'text']);
  expect(valuesOf(FIELDS, { ...untouched(FIELDS), limit: '{{ hour }}' })).toEqual({ limit: '{{ hour }}' });
});
