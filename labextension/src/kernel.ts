import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IFound, ISnapshot, ISnapshotOrder } from './documents';

const MODULE = 'nbdeploy.lab.kernel';

/** The answer to one expression: its representations, or what went wrong. */
interface IAnswer {
  readonly status: 'ok' | 'error';
  readonly data?: Record<string, unknown>;
  readonly ename?: string;
  readonly evalue?: string;
}

/** Find the fitted models, and the variables that hold rows. */
export async function look(kernel: Kernel.IKernelConnection, trans: TranslationBundle): Promise<IFound> {
  return (await call(kernel, trans, 'look', [])) as unknown as IFound;
}

/** Snapshot a model; the notebook's history and variables stay as they are. */
export async function snapshot(
  kernel: Kernel.IKernelConnection | null,
  trans: TranslationBundle,
  order: ISnapshotOrder
): Promise<ISnapshot> {
  const words = [order.model, order.name, order.data, order.labels];
  return (await call(kernel, trans, 'snapshot', words)) as unknown as ISnapshot;
}

async function call(
  kernel: Kernel.IKernelConnection | null,
  trans: TranslationBundle,
  name: string,
  words: string[]
): Promise<Record<string, unknown>> {
  if (!kernel) {
    throw new Error(trans.__('The notebook has no kernel.'));
  }
  const language = (await kernel.info).language_info.name;
  if (language !== 'python') {
    throw new Error(trans.__('Models are found in Python kernels; this one speaks %1.', language));
  }
  // A JSON string is a Python string with the same value.
  const list = words.map(word => JSON.stringify(word)).join(', ');
  const answer = await evaluate(kernel, `__import__(${JSON.stringify(MODULE)}, fromlist=['_']).${name}(${list})`);
  if (answer?.ename === 'ModuleNotFoundError') {
    throw new Error(
      trans.__('nbdeploy is not installed in this kernel: run %1 in the notebook.', '%pip install nbdeploy')
    );
  }
  const document = answer?.data?.['application/json'] as Record<string, unknown> | undefined;
  if (!document) {
    throw new Error(answer?.evalue || trans.__('The kernel did not answer.'));
  }
  if (typeof document['error'] === 'string') {
    throw new Error(document['error']);
  }
  return document;
}

/** Evaluate beside the user's cells: nothing is shown, numbered or remembered. */
async function evaluate(kernel: Kernel.IKernelConnection, expression: string): Promise<IAnswer | null> {
  const future = kernel.requestExecute({
    code: '',
    silent: true,
    store_history: false,
    allow_stdin: false,
    stop_on_error: false,
    user_expressions: { out: expression }
  });
  let reply: KernelMessage.IExecuteReplyMsg;
  try {
    reply = await future.done;
  } catch {
    return null; // the kernel went away
  }
  if (reply.content.status !== 'ok') {
    return null;
  }
  return (reply.content.user_expressions as unknown as { out: IAnswer }).out;
}
