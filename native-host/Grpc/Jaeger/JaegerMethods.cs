using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Otlp.Wire;
using Tempo.Host.Foreign;
using Tempo.Host.Foreign.Jaeger;
using Tempo.Host.Grpc.Querier;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Jaeger;

/// <summary>
/// <c>jaeger.api_v3.QueryService</c>. Its answers are OpenTelemetry's own messages, so a trace is sent as the node writes it,
/// a packet at a time.
/// </summary>
internal sealed class JaegerMethods(
    TempoNode node, ForeignQueries queries, TenantResolver tenants, QuerierOptions options, TimeProvider time)
{
    private const string Service = "/jaeger.api_v3.QueryService/";
    private const uint FirstText = 1 << WireType.NumberShift | WireType.LengthDelimited;
    private const uint SecondText = 2 << WireType.NumberShift | WireType.LengthDelimited;

    public IGrpcMethod[] All() =>
    [
        new Method(Service + "GetTrace", call => ServeAsync(call, (asked, body) => GetTraceAsync(call, asked, body))),
        new Method(Service + "FindTraces", call => ServeAsync(call, (asked, body) => FindTracesAsync(call, asked, body))),
        new Method(Service + "GetServices", call => ServeAsync(call, (asked, _) => GetServicesAsync(call, asked))),
        new Method(Service + "GetOperations", call => ServeAsync(call, (asked, body) => GetOperationsAsync(call, asked, body))),
    ];

    private ValueTask<GrpcStatus> ServeAsync(GrpcCall call, Func<TenantSet, RequestBody, ValueTask<GrpcStatus>> answer) =>
        QuerierCall.ServeAsync(call, tenants, options.MaxReceiveBytes, GrpcStatusCode.InvalidArgument, answer);

    private async ValueTask<GrpcStatus> GetTraceAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!TraceId.TryParse(ReadText(body.Buffer.Written, FirstText), out var id))
            return new GrpcStatus(GrpcStatusCode.InvalidArgument, "malformed trace ID: at most 32 hex digits are expected");
        return await SendTraceAsync(call, asked, id).ConfigureAwait(false)
            ? GrpcStatus.Ok
            : new GrpcStatus(GrpcStatusCode.NotFound, "trace not found");
    }

    private async ValueTask<GrpcStatus> FindTracesAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!FindTracesMessage.TryRead(body.Buffer.Written, options.Search.Of(asked), time.GetUtcNow(), out var query, out var error))
            return new GrpcStatus(GrpcStatusCode.InvalidArgument, error);
        foreach (var id in await queries.SearchAsync(asked, query.Spans, query.Range, query.Limit, call.Cancellation).ConfigureAwait(false))
            await SendTraceAsync(call, asked, id).ConfigureAwait(false);
        return GrpcStatus.Ok;
    }

    private async ValueTask<GrpcStatus> GetServicesAsync(GrpcCall call, TenantSet asked)
    {
        var services = await queries.ServicesAsync(asked, call.Cancellation).ConfigureAwait(false);
        using var message = new NativeBuffer();
        var writer = new ProtobufWriter(message);
        foreach (var service in services) writer.WriteText(FirstText, service);
        call.WriteMessage(message.Written);
        return GrpcStatus.Ok;
    }

    private async ValueTask<GrpcStatus> GetOperationsAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        var service = ReadText(body.Buffer.Written, FirstText);
        if (service.Length == 0) return new GrpcStatus(GrpcStatusCode.InvalidArgument, "service is required");
        var kind = ReadText(body.Buffer.Written, SecondText);
        var operations = await JaegerOperations.ListAsync(queries, asked, service, kind, call.Cancellation).ConfigureAwait(false);
        using var message = new NativeBuffer();
        var writer = new ProtobufWriter(message);
        foreach (var (name, shown) in operations)
        {
            var operation = writer.BeginMessage(FirstText);
            writer.WriteText(FirstText, name);
            if (shown.Length > 0) writer.WriteText(SecondText, shown);
            writer.EndMessage(operation);
        }

        call.WriteMessage(message.Written);
        return GrpcStatus.Ok;
    }

    // False, and nothing is sent, if there is no such trace.
    private async ValueTask<bool> SendTraceAsync(GrpcCall call, TenantSet asked, TraceId id)
    {
        using var reading = await node.ReadTraceAsync(asked, id, 0, 0, call.Cancellation).ConfigureAwait(false);
        using var part = new NativeBuffer();
        var isFound = false;
        while (!reading.Trace.IsAtEnd)
        {
            part.Clear();
            reading.Trace.WritePart(part, options.MaxPacketBytes);
            call.WriteMessage(part.Written);
            await call.FlushAsync().ConfigureAwait(false);
            isFound = true;
        }

        return isFound;
    }

    private static string ReadText(ReadOnlySpan<byte> message, uint field)
    {
        var text = "";
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == field && reader.TryReadBytes(out var content)) text = Encoding.UTF8.GetString(content);
            else if (reader.HasFailed || !reader.TrySkip(tag)) break;
        }

        return text;
    }

    private sealed class Method(string path, Func<GrpcCall, ValueTask<GrpcStatus>> serve) : IGrpcMethod
    {
        public string Path => path;

        public ValueTask<GrpcStatus> InvokeAsync(GrpcCall call) => serve(call);
    }
}
