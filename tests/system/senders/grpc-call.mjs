// Calls one method of a gRPC server through @grpc/grpc-js, with the .proto files of the repository.
//   node grpc-call.mjs <folder of .proto files> <file.proto> <address> <package.Service/Method> <request JSON> [<options JSON>]
// Options: metadata {name: value}, deadlineMs, cancelAfter (messages). Prints {messages, code, details, trailers}.
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [folder, file, address, method, requestText, optionsText] = process.argv.slice(2);
const options = JSON.parse(optionsText ?? '{}');
const definitions = loader.loadSync(path.join(folder, file), {
  includeDirs: [folder], keepCase: true, longs: String, enums: String, bytes: String, arrays: true,
});
const [service, name] = method.split('/');
const Client = service.split('.').reduce((node, part) => node[part], grpc.loadPackageDefinition(definitions));
const client = new Client(address, grpc.credentials.createInsecure());
const metadata = new grpc.Metadata();
for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
const settings = options.deadlineMs ? { deadline: Date.now() + options.deadlineMs } : {};
const definition = Client.service[name];
const messages = [];

function finish(status, trailers) {
  console.log(JSON.stringify({ messages, code: status.code, details: status.details ?? '', trailers: trailers.getMap() }));
  client.close();
}

if (definition.responseStream) {
  const call = client[name](JSON.parse(requestText), metadata, settings);
  let sizes = 0;
  call.on('data', (message) => {
    messages.push(message);
    if (++sizes === options.cancelAfter) call.cancel();
  });
  call.on('error', () => {});
  call.on('status', (status) => finish(status, status.metadata));
} else {
  const call = client[name](JSON.parse(requestText), metadata, settings, (error, message) => {
    if (message) messages.push(message);
  });
  call.on('status', (status) => finish(status, status.metadata));
}
