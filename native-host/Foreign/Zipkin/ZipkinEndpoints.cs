using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Foreign.Zipkin;

/// <summary>Zipkin's query API (version 2) below a prefix, so that Lens can be pointed here. Errors are plain text.</summary>
internal sealed class ZipkinEndpoints(ForeignQueries queries, TenantResolver tenants, TimeProvider time)
{
    /// <param name="prefix">Such as <c>/zipkin</c>.</param>
    public ApiRoute[] Routes(string prefix) =>
    [
        Route(prefix + "/api/v2/services", "zipkin_services", (context, asked, _) => AnswerServicesAsync(context, asked)),
        Route(prefix + "/api/v2/spans", "zipkin_spans", (context, asked, _) => AnswerValuesAsync(context, asked, "name")),
        Route(prefix + "/api/v2/remoteServices", "zipkin_remoteservices",
            (context, asked, _) => AnswerValuesAsync(context, asked, "span.peer.service")),
        Route(prefix + "/api/v2/traces", "zipkin_traces", (context, asked, _) => AnswerSearchAsync(context, asked)),
        Route(prefix + "/api/v2/trace/{id}", "zipkin_trace_id", AnswerTraceAsync),
        Route(prefix + "/api/v2/traceMany", "zipkin_tracemany", (context, asked, _) => AnswerManyAsync(context, asked)),
        Route(prefix + "/api/v2/dependencies", "zipkin_dependencies", (context, asked, _) => AnswerDependenciesAsync(context, asked)),
        Route(prefix + "/api/v2/autocompleteKeys", "zipkin_autocompletekeys", (context, asked, _) => AnswerKeysAsync(context, asked)),
        Route(prefix + "/api/v2/autocompleteValues", "zipkin_autocompletevalues",
            (context, asked, _) => AnswerTagValuesAsync(context, asked)),
    ];

    private ApiRoute Route(string path, string name, Func<HttpContext, TenantSet, string, Task> answer) =>
        new(path, name, AllowedMethods.Get, async (context, variable) =>
        {
            if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
            try
            {
                await answer(context, asked, variable).ConfigureAwait(false);
            }
            catch (QueryException e)
            {
                await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
            }
        });

    private async Task AnswerServicesAsync(HttpContext context, TenantSet asked) =>
        await AnswerListAsync(context, await queries.ServicesAsync(asked, context.RequestAborted).ConfigureAwait(false))
            .ConfigureAwait(false);

    // Of one service, which has to be named.
    private async Task AnswerValuesAsync(HttpContext context, TenantSet asked, string field)
    {
        var service = context.Request.Query["serviceName"].ToString();
        if (service.Length == 0)
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, "Required parameter 'serviceName' is not present.")
                .ConfigureAwait(false);
            return;
        }

        var spans = new SpanQuery();
        spans.HasService(service);
        await AnswerListAsync(context, await queries.ValuesAsync(asked, field, spans, context.RequestAborted).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    private async Task AnswerKeysAsync(HttpContext context, TenantSet asked) =>
        await AnswerListAsync(context, await queries.SpanKeysAsync(asked, context.RequestAborted).ConfigureAwait(false))
            .ConfigureAwait(false);

    private async Task AnswerTagValuesAsync(HttpContext context, TenantSet asked)
    {
        var key = context.Request.Query["key"].ToString();
        if (key.Length == 0)
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, "Required parameter 'key' is not present.")
                .ConfigureAwait(false);
            return;
        }

        var field = $"span.{SpanQuery.QuoteName(key)}";
        await AnswerListAsync(
            context, await queries.ValuesAsync(asked, field, new SpanQuery(), context.RequestAborted).ConfigureAwait(false))
                .ConfigureAwait(false);
    }

    private async Task AnswerDependenciesAsync(HttpContext context, TenantSet asked)
    {
        if (!ZipkinQuery.TryReadRange(context.Request.Query, queries.LimitsOf(asked), time.GetUtcNow(), out var range, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        var calls = await new ServiceDependencies(ZipkinJson.PeerOf).CountAsync(queries, asked, range, context.RequestAborted)
            .ConfigureAwait(false);
        await AnswerAsync(context, json =>
        {
            foreach (var (call, (count, errors)) in calls.OrderBy(static c => c.Key.Parent, StringComparer.Ordinal)
                .ThenBy(static c => c.Key.Child, StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("parent", call.Parent);
                json.WriteString("child", call.Child);
                json.WriteNumber("callCount", count);
                if (errors > 0) json.WriteNumber("errorCount", errors);
                json.WriteEndObject();
            }
        }).ConfigureAwait(false);
    }

    private async Task AnswerSearchAsync(HttpContext context, TenantSet asked)
    {
        if (!ZipkinQuery.TryParse(context.Request.Query, queries.LimitsOf(asked), time.GetUtcNow(), out var query, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        var ids = await queries.SearchAsync(asked, query.Spans, query.Range, query.Limit, context.RequestAborted).ConfigureAwait(false);
        await AnswerTracesAsync(context, asked, ids, isList: true).ConfigureAwait(false);
    }

    private async Task AnswerManyAsync(HttpContext context, TenantSet asked)
    {
        if (!ZipkinQuery.TryReadIds(context.Request.Query["traceIds"].ToString(), out var ids, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        await AnswerTracesAsync(context, asked, ids, isList: true).ConfigureAwait(false);
    }

    private async Task AnswerTraceAsync(HttpContext context, TenantSet asked, string text)
    {
        if (!TraceId.TryParse(text, out var id))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, "a trace id of at most 32 hex digits is expected")
                .ConfigureAwait(false);
            return;
        }

        await AnswerTracesAsync(context, asked, [id], isList: false).ConfigureAwait(false);
    }

    // Written and sent a part of a trace at a time. A list of traces leaves out those that are not there.
    private async Task AnswerTracesAsync(HttpContext context, TenantSet asked, List<TraceId> ids, bool isList)
    {
        await using var answer = new StreamedAnswer(context, QueryAnswer.Json);
        await using var json = new Utf8JsonWriter(answer.Output, new JsonWriterOptions { SkipValidation = true });
        var found = 0;
        if (isList) json.WriteStartArray();
        foreach (var id in ids)
        {
            var hasBegun = false;
            await foreach (var part in queries.ReadAsync(asked, id, context.RequestAborted).ConfigureAwait(false))
            {
                if (!hasBegun) json.WriteStartArray();
                hasBegun = true;
                foreach (var span in part) ZipkinJson.WriteSpan(json, span);
                await json.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                await answer.FlushAsync().ConfigureAwait(false);
            }

            if (!hasBegun) continue;
            json.WriteEndArray();
            found++;
        }

        if (found == 0 && !isList)
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status404NotFound, $"{ZipkinJson.IdOf(ids[0])} not found")
                .ConfigureAwait(false);
            return;
        }

        if (isList) json.WriteEndArray();
        await json.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        await answer.CompleteAsync().ConfigureAwait(false);
    }

    private static Task AnswerListAsync(HttpContext context, List<string> names) => AnswerAsync(context, json =>
    {
        foreach (var name in names) json.WriteStringValue(name);
    });

    private static async Task AnswerAsync(HttpContext context, Action<Utf8JsonWriter> writeItems)
    {
        using var body = new AnswerBuffer();
        await using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartArray();
            writeItems(json);
            json.WriteEndArray();
        }

        await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body).ConfigureAwait(false);
    }
}
