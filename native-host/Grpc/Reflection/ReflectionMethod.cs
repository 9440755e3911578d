using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Grpc.Reflection;

/// <summary>
/// <c>grpc.reflection.*.ServerReflection</c> (Protos/reflection_v1.proto; v1alpha is the same under its older name): a stream
/// of questions, each answered before the next is read. Tempo has none; tools such as grpcurl ask it.
/// </summary>
/// <param name="version">v1 or v1alpha.</param>
/// <param name="schema">What is described.</param>
/// <param name="services">The services that this server has.</param>
internal sealed class ReflectionMethod(string version, Lazy<ServerSchema> schema, Func<IEnumerable<string>> services) : IGrpcMethod
{
    /// <summary>A name; longer questions are nobody's.</summary>
    private const int MaxRequestBytes = 64 * 1024;

    private const int FileByName = 3, FileBySymbol = 4, FileByExtension = 5, ExtensionNumbers = 6, ListServices = 7;

    public string Path => $"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo";

    public async ValueTask<GrpcStatus> InvokeAsync(GrpcCall call)
    {
        while (true)
        {
            using var body = call.RentBody();
            var (status, found) = await call.ReadMessageAsync(body, MaxRequestBytes).ConfigureAwait(false);
            if (!status.IsOk || !found) return status;
            call.WriteMessage(Answer(body.Buffer.Written));
            await call.FlushAsync().ConfigureAwait(false);
        }
    }

    internal byte[] Answer(ReadOnlySpan<byte> request)
    {
        var (question, name) = Read(request);
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        writer.WriteBytes(Text(2), request);
        switch (question)
        {
            case FileByName:
                WriteFiles(writer, schema.Value.FindFile(name), name);
                break;
            case FileBySymbol:
                WriteFiles(writer, schema.Value.FindSymbol(name), name);
                break;
            case ListServices:
                var list = writer.BeginMessage(Text(6));
                foreach (var service in services())
                {
                    var item = writer.BeginMessage(Text(1));
                    writer.WriteText(Text(1), service);
                    writer.EndMessage(item);
                }

                writer.EndMessage(list);
                break;
            case FileByExtension or ExtensionNumbers:
                WriteError(writer, GrpcStatusCode.NotFound, "there are no extensions");
                break;
            default:
                WriteError(writer, GrpcStatusCode.InvalidArgument, "the request asks nothing that is known");
                break;
        }

        return buffer.Written.ToArray();
    }

    // The last member of the oneof counts.
    private static (int Question, string Name) Read(ReadOnlySpan<byte> request)
    {
        var (question, name) = (0, "");
        var reader = new ProtobufReader(request);
        while (reader.TryReadTag(out var tag))
        {
            var field = (int)(tag >> WireType.NumberShift);
            if (field is >= FileByName and <= ListServices && tag == Text((uint)field) && reader.TryReadBytes(out var content))
                (question, name) = (field, Encoding.UTF8.GetString(content));
            else if (reader.HasFailed || !reader.TrySkip(tag)) return (0, "");
        }

        return (question, name);
    }

    private static void WriteFiles(ProtobufWriter writer, List<byte[]>? files, string name)
    {
        if (files is null)
        {
            WriteError(writer, GrpcStatusCode.NotFound, $"there is no {(name.Length > 200 ? name[..200] : name)}");
            return;
        }

        var response = writer.BeginMessage(Text(4));
        foreach (var file in files) writer.WriteBytes(Text(1), file);
        writer.EndMessage(response);
    }

    private static void WriteError(ProtobufWriter writer, GrpcStatusCode code, string message)
    {
        var error = writer.BeginMessage(Text(7));
        writer.WriteVarint(1 << WireType.NumberShift, (ulong)code);
        writer.WriteText(Text(2), message);
        writer.EndMessage(error);
    }

    private static uint Text(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;
}
