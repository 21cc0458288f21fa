// What the official JavaScript clients make of a node: one line of JSON per call, [name, result or error].
const { Dax } = require("@amazon-dax-sdk/client-dax");
const { DaxDocument } = require("@amazon-dax-sdk/lib-dax");

const [endpoint, region, accessKeyId, secretAccessKey] = process.argv.slice(2);
const options = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
const plain = (_, value) => (value instanceof Set ? [...value] : typeof value === "bigint" ? String(value) : value);
const documents = new DaxDocument(options);
const client = new Dax(options);
const key = { pk: "js", sk: 1.5 };
const item = { ...key, n: 1.5, s: new Set(["x"]), m: { a: [1, { b: 2.25 }] }, nil: null, t: true };
const exists = { ConditionExpression: "attribute_not_exists(id)", ReturnValuesOnConditionCheckFailure: "ALL_OLD" };

const calls = {
  put: () => documents.put({ TableName: "s_n", Item: item, ReturnValues: "ALL_OLD" }),
  get: () => documents.get({ TableName: "s_n", Key: key }),
  projected: () => documents.get({ TableName: "s_n", Key: key, ProjectionExpression: "m.a[1].b, n" }),
  missing: () => documents.get({ TableName: "s_n", Key: { pk: "js", sk: 99 } }),
  update: () =>
    documents.update({
      TableName: "s_n",
      Key: key,
      UpdateExpression: "SET n = n + :o",
      ExpressionAttributeValues: { ":o": 1 },
      ReturnValues: "UPDATED_NEW",
    }),
  query: () =>
    documents.query({
      TableName: "s_n",
      KeyConditionExpression: "pk = :p AND sk > :z",
      ProjectionExpression: "n",
      ExpressionAttributeValues: { ":p": "js", ":z": 0 },
    }),
  batchWrite: () =>
    documents.batchWrite({ RequestItems: { h_n: [{ PutRequest: { Item: { id: 7 } } }, { DeleteRequest: { Key: { id: 8 } } }] } }),
  batchGet: () => documents.batchGet({ RequestItems: { h_n: { Keys: [{ id: 7 }, { id: 8 }] } } }),
  transactWrite: () => documents.transactWrite({ TransactItems: [{ Put: { TableName: "h_n", Item: { id: 9, v: 1.25 } } }] }),
  transactGet: () =>
    documents.transactGet({ TransactItems: [{ Get: { TableName: "h_n", Key: { id: 9 } } }, { Get: { TableName: "h_n", Key: { id: 70 } } }] }),
  cancelled: () => documents.transactWrite({ TransactItems: [{ Put: { TableName: "h_n", Item: { id: 9 }, ...exists } }] }),
  nowhere: () => documents.get({ TableName: "nowhere", Key: { id: 9 } }),
  plain: () => client.getItem({ TableName: "s_n", Key: { pk: { S: "js" }, sk: { N: "1.5" } }, ProjectionExpression: "n" }),
};

(async () => {
  for (const [name, call] of Object.entries(calls)) {
    let result;
    try {
      result = await call();
    } catch (error) {
      result = { code: error.code, reasons: error.cancellationReasons };
    }
    console.log(JSON.stringify([name, result], plain));
  }
  process.exit(0);
})();
