using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;
using Tempo.Host.Grpc;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET /api/v2/service-graph?start=&amp;end=</c>, ours: who calls whom in a range of time, computed from the traces
/// themselves, with the field names of Grafana's node graph panel; and rate, errors and duration of each operation.
/// <code>
/// {"nodes":[{"id","title","mainstat": requests a second,"secondarystat": mean ms,"arc__success","arc__failed",
///            "detail__requests","detail__failed","detail__p50_ms","detail__p90_ms","detail__p99_ms"}],
///  "edges":[{"id","source","target","mainstat","secondarystat","detail__connection_type","detail__requests",…}],
///  "operations":[{"service","span_name","span_kind","requests","rate","errors","error_rate","mean_ms","p50_ms","p90_ms","p99_ms"}],
///  "message": what is missing, if anything is}
/// </code>
/// The seconds default to the last hour.
/// </summary>
internal sealed class ServiceGraphEndpoint(TempoNode node, TenantResolver tenants, TimeProvider time)
{
    private const ulong SecondNano = 1_000_000_000;
    private static readonly TimeSpan DefaultRange = TimeSpan.FromHours(1);

    public ApiRoute Route() => new("/api/v2/service-graph", "api_v2_service_graph", AllowedMethods.Get, HandleAsync);

    private async Task HandleAsync(HttpContext context, string variable)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        if (!TryParse(context.Request.Query, out var request, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        try
        {
            var result = await node.ServiceGraphAsync(asked, request, context.RequestAborted).ConfigureAwait(false);
            if (result.Message.Length > 0) context.Response.Headers[QueryAnswer.PartialHeader] = GrpcText.Encode(result.Message);
            using var body = new AnswerBuffer();
            Write(result, (request.EndUnixNano - request.StartUnixNano) / (double)SecondNano, body);
            await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }

    private bool TryParse(IQueryCollection query, out ServiceGraphRequest request, out string error)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds() + 1; // the second that is running belongs to it
        request = new ServiceGraphRequest(0, 0);
        if (!TrySeconds(query, "end", now, out var end, out error)
            || !TrySeconds(query, "start", end - (long)DefaultRange.TotalSeconds, out var start, out error))
            return false;
        if (start >= end) error = $"start {start} is not before end {end}";
        request = new ServiceGraphRequest((ulong)start * SecondNano, (ulong)end * SecondNano);
        return error.Length == 0;
    }

    private static bool TrySeconds(IQueryCollection query, string name, long otherwise, out long seconds, out string error)
    {
        var text = query[name].ToString();
        (seconds, error) = (Math.Max(0, otherwise), "");
        if (text.Length == 0) return true;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds) && seconds < long.MaxValue / (long)SecondNano)
            return true;
        error = $"{name} \"{(text.Length > 64 ? text[..64] : text)}\" is not a time in seconds since 1970";
        return false;
    }

    private static void Write(ServiceGraphResult result, double seconds, AnswerBuffer body)
    {
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteStartArray("nodes");
        foreach (var one in result.Nodes) WriteNode(json, one, seconds);
        json.WriteEndArray();
        json.WriteStartArray("edges");
        foreach (var edge in result.Edges) WriteEdge(json, edge, seconds);
        json.WriteEndArray();
        json.WriteStartArray("operations");
        foreach (var operation in result.Operations) WriteOperation(json, operation, seconds);
        json.WriteEndArray();
        if (result.Message.Length > 0) json.WriteString("message", result.Message);
        json.WriteEndObject();
    }

    private static void WriteNode(Utf8JsonWriter json, ServiceNode one, double seconds)
    {
        var failed = one.Incoming.Count == 0 ? 0 : (double)one.Incoming.FailedCount / one.Incoming.Count;
        json.WriteStartObject();
        json.WriteString("id", one.Name);
        json.WriteString("title", one.Name);
        json.WriteNumber("arc__success", 1 - failed);
        json.WriteNumber("arc__failed", failed);
        WriteDetails(json, one.Incoming, seconds);
        json.WriteEndObject();
    }

    private static void WriteEdge(Utf8JsonWriter json, ServiceEdge edge, double seconds)
    {
        json.WriteStartObject();
        json.WriteString("id", $"{edge.Client}_{edge.Server}_{edge.ConnectionType}");
        json.WriteString("source", edge.Client);
        json.WriteString("target", edge.Server);
        json.WriteString("detail__connection_type", edge.ConnectionType);
        json.WriteNumber("detail__client_mean_ms", Mean(edge.ClientSeconds, edge.Requests.Count));
        WriteDetails(json, edge.Requests, seconds);
        json.WriteEndObject();
    }

    private static void WriteDetails(Utf8JsonWriter json, in RequestStatistics requests, double seconds)
    {
        json.WriteNumber("mainstat", requests.Count / seconds);
        json.WriteNumber("secondarystat", Mean(requests.Seconds, requests.Count));
        json.WriteNumber("detail__requests", requests.Count);
        json.WriteNumber("detail__failed", requests.FailedCount);
        json.WriteNumber("detail__p50_ms", requests.P50 * 1000);
        json.WriteNumber("detail__p90_ms", requests.P90 * 1000);
        json.WriteNumber("detail__p99_ms", requests.P99 * 1000);
    }

    private static void WriteOperation(Utf8JsonWriter json, OperationRow operation, double seconds)
    {
        var requests = operation.Requests;
        json.WriteStartObject();
        json.WriteString("service", operation.Service);
        json.WriteString("span_name", operation.SpanName);
        json.WriteString("span_kind", SpanNames.KnownKind(operation.Kind));
        json.WriteNumber("requests", requests.Count);
        json.WriteNumber("rate", requests.Count / seconds);
        json.WriteNumber("errors", requests.FailedCount);
        json.WriteNumber("error_rate", (double)requests.FailedCount / requests.Count);
        json.WriteNumber("mean_ms", Mean(requests.Seconds, requests.Count));
        json.WriteNumber("p50_ms", requests.P50 * 1000);
        json.WriteNumber("p90_ms", requests.P90 * 1000);
        json.WriteNumber("p99_ms", requests.P99 * 1000);
        json.WriteEndObject();
    }

    private static double Mean(double seconds, long count) => count == 0 ? 0 : seconds / count * 1000;
}
