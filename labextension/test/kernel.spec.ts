import type { Kernel } from '@jupyterlab/services';
import { expect, test } from 'vitest';

import { look, snapshot } from '../src/kernel';
import { trans } from './fakes';

type Content = Parameters<Kernel.IKernelConnection['requestExecute']>[0];

function kernelThatAnswers(out: object, language = 'python'): { kernel: Kernel.IKernelConnection; asked: Content[] } {
  const asked: Content[] = [];
  const requestExecute = (content: Content): { done: Promise<object> } => {
    asked.push(content);
    return { done: Promise.resolve({ content: { status: 'ok', user_expressions: { out } } }) };
  };
  const info = Promise.resolve({ language_info: { name: language } });
  return { kernel: { requestExecute, info } as unknown as Kernel.IKernelConnection, asked };
}

const OK = { status: 'ok', data: { 'application/json': { models: [], data: [] } } };

test('a look leaves no trace in the history', async () => {
  const { kernel, asked } = kernelThatAnswers(OK);
  expect(await look(kernel, trans)).toEqual({ models: [], data: [] });
  expect(asked[0]).toMatchObject({ code: '', silent: true, store_history: false, allow_stdin: false });
});

test('names with quotes stay one argument', async () => {
  const { kernel, asked } = kernelThatAnswers(OK);
  await snapshot(kernel, trans, { model: 'm', name: 'a"); boom("', data: 'X', labels: '' });
  expect(asked[0]?.user_expressions?.['out']).toContain('.snapshot("m", "a\\"); boom(\\"", "X", "")');
});

test('a kernel without nbdeploy says what to install', async () => {
  const { kernel } = kernelThatAnswers({ status: 'error', ename: 'ModuleNotFoundError', evalue: 'nbdeploy' });
  await expect(look(kernel, trans)).rejects.toThrow('%pip install nbdeploy');
});

test('a refusal in the kernel is an error with its own line', async () => {
  const refusal = { status: 'ok', data: { 'application/json': { error: 'the names differ' } } };
  const { kernel } = kernelThatAnswers(refusal);
  await expect(look(kernel, trans)).rejects.toThrow('the names differ');
});

test('a kernel of another language is told apart, and not asked', async () => {
  const { kernel, asked } = kernelThatAnswers(OK, 'R');
  await expect(look(kernel, trans)).rejects.toThrow('this one speaks R');
  expect(asked).toEqual([]);
});
