using System.Buffers;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET /api/traces/{id}</c> and <c>GET /api/v2/traces/{id}</c>: a whole trace, as JSON, protobuf or JSON for language
/// models, sent while it is written.
/// </summary>
/// <param name="node">Has the traces.</param>
/// <param name="tenants">Reads the tenants from the headers.</param>
/// <param name="deletion">Answers DELETE.</param>
/// <param name="maxTraceBytes">Largest trace of these tenants that is answered whole, in OTLP bytes; 0: no limit.</param>
/// <param name="mayPrune">Whether these tenants may let similar spans be one.</param>
internal sealed class TraceByIdEndpoint(
    TempoNode node, TenantResolver tenants, TraceDeletionEndpoint deletion, Func<TenantSet, long> maxTraceBytes,
    Func<TenantSet, bool> mayPrune)
{
    private delegate Task Answer(HttpContext context, TraceReading reading, TraceByIdBody body, long maxBytes);

    public ApiRoute[] Routes() =>
    [
        new("/api/traces/{traceID}", "api_traces_traceid", AllowedMethods.Any, (context, id) => ServeAsync(context, id, 1, AnswerV1Async)),
        new("/api/v2/traces/{traceID}", "api_v2_traces_traceid", AllowedMethods.Any,
            (context, id) => ServeAsync(context, id, 2, AnswerV2Async)),
    ];

    private Task ServeAsync(HttpContext context, string idText, int version, Answer answer) =>
        HttpMethods.IsDelete(context.Request.Method)
            ? deletion.HandleAsync(context, idText)
            : HandleAsync(context, idText, version, answer);

    private async Task HandleAsync(HttpContext context, string idText, int version, Answer answer)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        try
        {
            if (!TryParse(idText, context.Request.Query, version, out var parameters, out var error))
            {
                await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
                return;
            }

            if (parameters.Selection.IsExternalOnly && !node.HasExternalTraces)
            {
                const string notEnabled = "external mode is not enabled\n";
                await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status500InternalServerError, notEnabled).ConfigureAwait(false);
                return;
            }

            using var reading = await node
                .ReadTraceAsync(asked, parameters.Id, parameters.Selection, context.RequestAborted)
                .ConfigureAwait(false);
            var maxBytes = maxTraceBytes(asked);
            using var body = new TraceByIdBody(reading.Trace, maxBytes);
            if (parameters.Filter is { } filter && reading.Trace.Keep(filter)) body.ReportFiltered();
            if (parameters.Pruning is { } pruning && mayPrune(asked)) body.ReportPruned(reading.Trace.Prune(pruning));
            await answer(context, reading, body, maxBytes).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }

    private static bool TryParse(string idText, IQueryCollection query, int version, out TraceByIdParameters parameters, out string error)
    {
        if (!TraceByIdParameters.TryParse(idText, query, out parameters, out error)) return false;
        if (version == 1) return true;
        if (!TraceByIdParameters.TryParseFilter(query, out var filter, out error)
            || !SpanPruningParameters.TryParse(query, out var pruning, out error))
            return false;
        parameters = parameters with { Filter = filter, Pruning = pruning };
        return true;
    }

    // Version 1 has no word for "partial", so a trace of which something could not be read is an error there, ours and not the
    // caller's; and "not found" is a 404 without a body.
    private static async Task AnswerV1Async(HttpContext context, TraceReading reading, TraceByIdBody body, long maxBytes)
    {
        if (reading.Trace.Damage.Length > 0)
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status500InternalServerError, reading.Trace.Damage + "\n")
                .ConfigureAwait(false);
            return;
        }

        if (reading.Trace.SpanCount == 0)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.Headers.Vary = "Accept-Encoding";
            return;
        }

        var isProtobuf = QueryAnswer.WantsProtobuf(context.Request);

        // What may still turn out too large is not sent before that is known; the limit bounds what is held for it.
        var holdsBack = maxBytes > 0;
        var type = isProtobuf ? QueryAnswer.Protobuf : QueryAnswer.WantsLlm(context.Request) ? QueryAnswer.Llm : QueryAnswer.Json;
        await using var answer = new StreamedAnswer(context, type);
        if (isProtobuf && body.IsLarge && !holdsBack) await answer.StartAsync().ConfigureAwait(false);
        if (!isProtobuf) answer.Output.Write("{\"batches\":["u8);
        for (var isFirst = true; ; isFirst = false)
        {
            var isMore = isProtobuf ? body.WriteProtobufV1(answer.Output) : body.WriteJson(isFirst, answer.Output);
            if (!isMore) break;
            if (!holdsBack) await answer.FlushAsync().ConfigureAwait(false);
        }

        if (reading.Trace.Damage.Length > 0)
        {
            // Found while it was written. What has begun can only be broken off, so that nobody takes it for the whole.
            if (answer.HasStarted) throw new IOException($"the answer to a trace by id is broken off: {reading.Trace.Damage}");
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status500InternalServerError, reading.Trace.Damage + "\n")
                .ConfigureAwait(false);
            return;
        }

        if (body.IsTooLarge)
        {
            var text = $"trace exceeds max size (max bytes: {maxBytes})";
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status422UnprocessableEntity, text).ConfigureAwait(false);
            return;
        }

        if (!isProtobuf) answer.Output.Write("]}"u8);
        await answer.CompleteAsync().ConfigureAwait(false);
    }

    private static Task AnswerV2Async(HttpContext context, TraceReading reading, TraceByIdBody body, long maxBytes) =>
        QueryAnswer.WantsProtobuf(context.Request) ? AnswerProtobufV2Async(context, body)
        : QueryAnswer.WantsLlm(context.Request) ? AnswerLlmAsync(context, reading, body)
        : AnswerJsonV2Async(context, reading, body);

    private static async Task AnswerProtobufV2Async(HttpContext context, TraceByIdBody body)
    {
        await using var answer = new StreamedAnswer(context, QueryAnswer.Protobuf);
        if (body.IsLarge) await answer.StartAsync().ConfigureAwait(false);
        while (body.WriteProtobufV2(answer.Output)) await answer.FlushAsync().ConfigureAwait(false);
        body.WriteProtobufEnd(answer.Output);
        await answer.CompleteAsync().ConfigureAwait(false);
    }

    private static async Task AnswerJsonV2Async(HttpContext context, TraceReading reading, TraceByIdBody body)
    {
        await using var answer = new StreamedAnswer(context, QueryAnswer.Json);
        var isEmpty = reading.Trace.SpanCount == 0;
        answer.Output.Write(isEmpty ? "{\"trace\":{"u8 : "{\"trace\":{\"resourceSpans\":["u8);
        for (var isFirst = true; body.WriteJson(isFirst, answer.Output); isFirst = false) await answer.FlushAsync().ConfigureAwait(false);
        answer.Output.Write(isEmpty ? "}"u8 : "]}"u8);
        body.WriteJsonEnd(answer.Output);
        await answer.CompleteAsync().ConfigureAwait(false);
    }

    private static async Task AnswerLlmAsync(HttpContext context, TraceReading reading, TraceByIdBody body)
    {
        await using var answer = new StreamedAnswer(context, QueryAnswer.LlmJson);
        TraceLlmJson.Write(reading.Trace, body, answer.Output);
        await answer.CompleteAsync().ConfigureAwait(false);
    }
}
