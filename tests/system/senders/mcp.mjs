// Uses the MCP server of a Tempo through the official client.
//   node mcp.mjs <url of /api/mcp> <calls as JSON: [{tool, arguments} | {resource}]>
// Prints {server, tools, resources, results}; a call that throws is {error: {code, message}}.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, callsText] = process.argv.slice(2);
const client = new Client({ name: 'tempo-system-test', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const results = [];
for (const call of JSON.parse(callsText)) {
  try {
    results.push(call.tool
      ? await client.callTool({ name: call.tool, arguments: call.arguments ?? {} })
      : await client.readResource({ uri: call.resource }));
  } catch (error) {
    results.push({ error: { code: error.code, message: error.message } });
  }
}

console.log(JSON.stringify({
  server: client.getServerVersion(),
  tools: (await client.listTools()).tools,
  resources: (await client.listResources()).resources,
  results,
}));
await client.close();
