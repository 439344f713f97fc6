import React from 'react';

import { messageOf } from '../resource';

/** Something that is done for a person: whether it goes on, and why it did not work. */
export interface IAttempt {
  readonly busy: boolean;
  readonly error: string;
  /** Do it; never rejects. */
  readonly make: (what: () => Promise<unknown>) => Promise<void>;
}

/** Keep track of what a component does. */
export function useAttempt(): IAttempt {
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState('');
  const make = async (what: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setError('');
    try {
      await what();
    } catch (reason) {
      setError(messageOf(reason));
    }
    setBusy(false);
  };
  return { busy, error, make };
}
