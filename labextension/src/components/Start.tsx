import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IParameter } from '../documents';
import type { IDeployActions } from '../model';
import { useAttempt } from './attempt';
import { clockOf } from './format';
import { Done, Failure } from './parts';
import { RunForm } from './RunForm';

/** The button that runs the open notebook; it becomes a form once the parameters are read. */
export function Start(props: { notebook: string; actions: IDeployActions; trans: TranslationBundle }): JSX.Element {
  const { actions, notebook, trans } = props;
  const [parameters, setParameters] = React.useState<readonly IParameter[] | null>(null);
  const [message, setMessage] = React.useState('');
  const { busy, error, make } = useAttempt();
  const done = (said: string): void => {
    setParameters(null);
    setMessage(said);
  };
  if (parameters) {
    return (
      <RunForm
        notebook={notebook}
        parameters={parameters}
        run={async order => {
          await actions.run(order);
          done('');
        }}
        schedule={async order => {
          const { name, next, timezone } = await actions.schedule(order);
          const first = next[0] ? clockOf(next[0], timezone) : '';
          done(trans.__('%1 is scheduled; it runs first on %2 (%3).', name, first, timezone));
        }}
        preview={(cron, timezone) => actions.preview(cron, timezone)}
        cancel={() => done('')}
        trans={trans}
      />
    );
  }
  return (
    <>
      <button
        type="button"
        className="nbd-Button nbd-mod-wide"
        disabled={busy}
        onClick={() => void make(async () => setParameters(await actions.parameters()))}
      >
        {trans.__('Run %1…', notebook)}
      </button>
      <Done message={message} />
      <Failure message={error} />
    </>
  );
}
