// Learns a service from a server's reflection alone, and calls it.
//   node grpc-reflect.mjs <folder of .proto files> <address> <v1|v1alpha> <package.Service/Method> <request JSON>
// Prints {services, files, messages, code, details}. The .proto files are used for reflection itself and nothing else.
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [folder, address, version, method, requestText] = process.argv.slice(2);
const settings = { keepCase: true, longs: String, enums: String, bytes: String, arrays: true };
const find = (definitions, name) => name.split('.').reduce((node, part) => node[part], grpc.loadPackageDefinition(definitions));

const Reflection = find(loader.loadSync(path.join(folder, `reflection_${version}.proto`), settings), `grpc.reflection.${version}.ServerReflection`);
const reflection = new Reflection(address, grpc.credentials.createInsecure());
const [serviceName, methodName] = method.split('/');

const answers = await new Promise((resolve, reject) => {
  const received = [];
  const stream = reflection.ServerReflectionInfo();
  stream.on('data', (answer) => {
    received.push(answer);
    if (received.length === 2) stream.end();
  });
  stream.on('end', () => resolve(received));
  stream.on('error', reject);
  stream.write({ list_services: '' });
  stream.write({ file_containing_symbol: serviceName });
});
reflection.close();

const services = answers[0].list_services_response.service.map((service) => service.name);
const files = answers[1].file_descriptor_response.file_descriptor_proto.map((file) => Buffer.from(file, 'base64'));

// FileDescriptorSet { repeated FileDescriptorProto file = 1; }, dependencies first.
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const set = Buffer.concat(files.reverse().flatMap((file) => [Buffer.from([0x0a, ...varint(file.length)]), file]));
const Client = find(loader.loadFileDescriptorSetFromBuffer(set, settings), serviceName);
const client = new Client(address, grpc.credentials.createInsecure());
const messages = [];
const call = client[methodName](JSON.parse(requestText));
call.on('data', (message) => messages.push(message));
call.on('error', () => {});
call.on('status', (status) => {
  console.log(JSON.stringify({ services, files: files.length, messages, code: status.code, details: status.details }));
  client.close();
});
