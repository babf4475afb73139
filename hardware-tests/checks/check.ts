/** Something about the sources that neither compiler nor linter can see. */
export interface Check {
  readonly name: string;
  /** One sentence per problem. */
  run(root: string): Promise<readonly string[]>;
}
