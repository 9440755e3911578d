using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Foreign.Jaeger;

/// <summary>
/// Jaeger's query API below a prefix, so that its page can be pointed here. Every answer is an envelope:
/// <c>{"data":[…],"total":n,"limit":0,"offset":0,"errors":null}</c>.
/// </summary>
internal sealed class JaegerEndpoints(ForeignQueries queries, TenantResolver tenants, TimeProvider time)
{
    /// <param name="prefix">Such as <c>/jaeger</c>.</param>
    public ApiRoute[] Routes(string prefix) =>
    [
        Route(prefix + "/api/services", "jaeger_services", (context, asked, _) => AnswerServicesAsync(context, asked)),
        Route(prefix + "/api/services/{service}/operations", "jaeger_services_operations", AnswerOperationNamesAsync),
        Route(prefix + "/api/operations", "jaeger_operations", (context, asked, _) => AnswerOperationsAsync(context, asked)),
        Route(prefix + "/api/traces", "jaeger_traces", (context, asked, _) => AnswerSearchAsync(context, asked)),
        Route(prefix + "/api/traces/{id}", "jaeger_traces_id", AnswerTraceAsync),
        Route(prefix + "/api/dependencies", "jaeger_dependencies", (context, asked, _) => AnswerDependenciesAsync(context, asked)),
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
                await AnswerErrorAsync(context, QueryAnswer.Status(e.Kind), e.Message).ConfigureAwait(false);
            }
        });

    private async Task AnswerServicesAsync(HttpContext context, TenantSet asked) =>
        await AnswerListAsync(context, await queries.ServicesAsync(asked, context.RequestAborted).ConfigureAwait(false))
            .ConfigureAwait(false);

    private async Task AnswerOperationNamesAsync(HttpContext context, TenantSet asked, string service)
    {
        var spans = new SpanQuery();
        spans.HasService(service);
        await AnswerListAsync(context, await queries.NamesAsync(asked, spans, context.RequestAborted).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    private async Task AnswerOperationsAsync(HttpContext context, TenantSet asked)
    {
        var service = context.Request.Query["service"].ToString();
        if (service.Length == 0)
        {
            await AnswerErrorAsync(context, StatusCodes.Status400BadRequest, "parameter 'service' is required").ConfigureAwait(false);
            return;
        }

        var operations = await JaegerOperations.ListAsync(
            queries, asked, service, context.Request.Query["spanKind"].ToString(), context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, operations.Count, json =>
        {
            foreach (var (name, kind) in operations)
            {
                json.WriteStartObject();
                json.WriteString("name", name);
                json.WriteString("spanKind", kind);
                json.WriteEndObject();
            }
        }).ConfigureAwait(false);
    }

    private async Task AnswerDependenciesAsync(HttpContext context, TenantSet asked)
    {
        if (!JaegerQuery.TryReadLookback(context.Request.Query, queries.LimitsOf(asked), time.GetUtcNow(), out var range, out var error))
        {
            await AnswerErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        var calls = await new ServiceDependencies().CountAsync(queries, asked, range, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, calls.Count, json =>
        {
            foreach (var (call, (count, _)) in calls.OrderBy(static c => c.Key.Parent, StringComparer.Ordinal)
                .ThenBy(static c => c.Key.Child, StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("parent", call.Parent);
                json.WriteString("child", call.Child);
                json.WriteNumber("callCount", count);
                json.WriteEndObject();
            }
        }).ConfigureAwait(false);
    }

    private async Task AnswerSearchAsync(HttpContext context, TenantSet asked)
    {
        if (!JaegerQuery.TryParse(context.Request.Query, queries.LimitsOf(asked), time.GetUtcNow(), out var query, out var error))
        {
            await AnswerErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        var ids = query.Ids.Count > 0
            ? query.Ids
            : await queries.SearchAsync(asked, query.Spans, query.Range, query.Limit, context.RequestAborted).ConfigureAwait(false);
        await AnswerTracesAsync(context, asked, ids).ConfigureAwait(false);
    }

    private async Task AnswerTraceAsync(HttpContext context, TenantSet asked, string text)
    {
        if (!TraceId.TryParse(text, out var id))
        {
            await AnswerErrorAsync(context, StatusCodes.Status400BadRequest,
                "cannot parse the trace id: at most 32 hex digits are expected").ConfigureAwait(false);
            return;
        }

        await AnswerTracesAsync(context, asked, [id], isMissingAnError: true).ConfigureAwait(false);
    }

    // Written and sent a part of a trace at a time.
    private async Task AnswerTracesAsync(HttpContext context, TenantSet asked, List<TraceId> ids, bool isMissingAnError = false)
    {
        await using var answer = new StreamedAnswer(context, QueryAnswer.Json);
        await using var json = new Utf8JsonWriter(answer.Output, new JsonWriterOptions { SkipValidation = true });
        var jaeger = new JaegerJson(json);
        var found = 0;
        json.WriteStartObject();
        json.WriteStartArray("data");
        foreach (var id in ids)
        {
            var hasBegun = false;
            await foreach (var part in queries.ReadAsync(asked, id, context.RequestAborted).ConfigureAwait(false))
            {
                if (!hasBegun) jaeger.BeginTrace(id);
                hasBegun = true;
                foreach (var span in part) jaeger.WriteSpan(span);
                await json.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                await answer.FlushAsync().ConfigureAwait(false);
            }

            if (!hasBegun) continue;
            jaeger.EndTrace();
            found++;
        }

        if (found == 0 && isMissingAnError)
        {
            await AnswerErrorAsync(context, StatusCodes.Status404NotFound, "trace not found").ConfigureAwait(false);
            return;
        }

        json.WriteEndArray();
        WriteEnd(json, found);
        await json.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        await answer.CompleteAsync().ConfigureAwait(false);
    }

    private static Task AnswerListAsync(HttpContext context, List<string> names) => AnswerAsync(context, names.Count, json =>
    {
        foreach (var name in names) json.WriteStringValue(name);
    });

    private static async Task AnswerAsync(HttpContext context, int total, Action<Utf8JsonWriter> writeData)
    {
        using var body = new AnswerBuffer();
        await using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteStartArray("data");
            writeData(json);
            json.WriteEndArray();
            WriteEnd(json, total);
        }

        await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body).ConfigureAwait(false);
    }

    private static async Task AnswerErrorAsync(HttpContext context, int status, string message)
    {
        using var body = new AnswerBuffer();
        await using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteNull("data");
            json.WriteNumber("total", 0);
            json.WriteNumber("limit", 0);
            json.WriteNumber("offset", 0);
            json.WriteStartArray("errors");
            json.WriteStartObject();
            json.WriteNumber("code", status);
            json.WriteString("msg", message);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        context.Response.StatusCode = status;
        await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body).ConfigureAwait(false);
    }

    private static void WriteEnd(Utf8JsonWriter json, int total)
    {
        json.WriteNumber("total", total);
        json.WriteNumber("limit", 0);
        json.WriteNumber("offset", 0);
        json.WriteNull("errors");
        json.WriteEndObject();
    }
}
