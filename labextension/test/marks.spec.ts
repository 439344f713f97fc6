import { expect, test } from 'vitest';

import { tagMarked } from '../src/marks';

const MARKED = '%%deploy parameters\nmonth = 1';

/** The tags of a cell after it was executed. */
function tagged(source: string, about: { type?: string; success?: boolean; tags?: string[] } = {}): unknown {
  const { type = 'code', success = true, tags } = about;
  const metadata: Record<string, unknown> = tags ? { tags } : {};
  const model = {
    type,
    sharedModel: { getSource: () => source },
    getMetadata: (key: string) => metadata[key],
    setMetadata: (key: string, value: unknown) => {
      metadata[key] = value;
    }
  };
  tagMarked(null, { cell: { model }, success });
  return metadata['tags'];
}

test('a marked cell gets the tag, and keeps those that it has', () => {
  expect(tagged(MARKED)).toEqual(['parameters']);
  expect(tagged('\n%%deploy  parameters ', { tags: ['slow'] })).toEqual(['slow', 'parameters']);
  expect(tagged(MARKED, { tags: ['parameters'] })).toEqual(['parameters']);
});

test('other cells are left alone', () => {
  expect(tagged('%%deploy parameters other.ipynb')).toBeUndefined();
  expect(tagged('x = """\n%%deploy parameters\n"""')).toBeUndefined();
  expect(tagged(MARKED, { type: 'markdown' })).toBeUndefined();
  expect(tagged(MARKED, { success: false })).toBeUndefined();
});
