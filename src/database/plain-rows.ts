import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';

/** Whole rows of an entity as the driver reads them: the same values, without the time that TypeORM takes to build entities. */
export function plainRows<T extends ObjectLiteral>(builder: SelectQueryBuilder<T>): Promise<T[]> {
  const { name, metadata } = builder.expressionMap.mainAlias!;
  builder.select([]);
  for (const { propertyName } of metadata.columns) builder.addSelect(`${name}.${propertyName}`, propertyName);
  return builder.getRawMany<T>();
}
