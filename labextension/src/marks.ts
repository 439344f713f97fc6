const MARK = /^\s*%%deploy[ \t]+parameters[ \t]*(\n|$)/;
const TAG = 'parameters';

/** A cell that was executed, as far as it matters here. */
export interface IExecuted {
  readonly cell: {
    readonly model: {
      readonly type: string;
      readonly sharedModel: { getSource(): string };
      getMetadata(key: string): unknown;
      setMetadata(key: string, value: unknown): void;
    };
  };
  readonly success?: boolean;
}

/** Tag a cell that was executed and begins with `%%deploy parameters`: a kernel cannot do that. */
export function tagMarked(_: unknown, { cell: { model }, success }: IExecuted): void {
  const found = model.getMetadata('tags');
  const tags: unknown[] = Array.isArray(found) ? found : [];
  if (success && model.type === 'code' && MARK.test(model.sharedModel.getSource()) && !tags.includes(TAG)) {
    model.setMetadata('tags', [...tags, TAG]);
  }
}
