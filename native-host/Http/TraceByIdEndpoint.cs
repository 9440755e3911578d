using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/traces/{id}</c> and <c>GET /api/v2/traces/{id}</c>: a whole trace, as JSON or protobuf.</summary>
internal sealed class TraceByIdEndpoint(TempoNode node, TenantResolver tenants)
{
    public ApiRoute[] Routes() =>
    [
        new("/api/traces/{traceID}", "api_traces_traceid", AllowedMethods.Any,
            (context, id) => HandleAsync(context, id, AnswerV1Async)),
        new("/api/v2/traces/{traceID}", "api_v2_traces_traceid", AllowedMethods.Any,
            (context, id) => HandleAsync(context, id, AnswerV2Async)),
    ];

    private async Task HandleAsync(HttpContext context, string idText, Func<HttpContext, TraceAnswer, Task> answer)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        if (!TraceByIdParameters.TryParse(idText, context.Request.Query, out var parameters, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        if (parameters.IsExternalMode)
        {
            const string notEnabled = "external mode is not enabled\n";
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status500InternalServerError, notEnabled).ConfigureAwait(false);
            return;
        }

        try
        {
            var found = await node
                .FindTraceAsync(asked, parameters.Id, parameters.StartSeconds, parameters.EndSeconds, context.RequestAborted)
                .ConfigureAwait(false);
            await answer(context, found).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }

    // Version 1 has no word for "partial", so a trace of which something could not be read is an error there, ours and not the
    // caller's; and "not found" is a 404 without a body.
    private static async Task AnswerV1Async(HttpContext context, TraceAnswer found)
    {
        if (found.Partial)
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status500InternalServerError, found.Message + "\n").ConfigureAwait(false);
            return;
        }

        if (found.Trace.IsEmpty)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.Headers.Vary = "Accept-Encoding";
            return;
        }

        using var body = new AnswerBuffer();
        var isProtobuf = QueryAnswer.WantsProtobuf(context.Request);
        if (isProtobuf) TraceByIdBody.WriteProtobufV1(found, body);
        else TraceByIdBody.WriteJsonV1(found, body);
        await QueryAnswer.WriteAsync(context, isProtobuf ? QueryAnswer.Protobuf : QueryAnswer.Json, body).ConfigureAwait(false);
    }

    private static async Task AnswerV2Async(HttpContext context, TraceAnswer found)
    {
        using var body = new AnswerBuffer();
        var isProtobuf = QueryAnswer.WantsProtobuf(context.Request);
        if (isProtobuf) TraceByIdBody.WriteProtobufV2(found, body);
        else TraceByIdBody.WriteJsonV2(found, body);
        await QueryAnswer.WriteAsync(context, isProtobuf ? QueryAnswer.Protobuf : QueryAnswer.Json, body).ConfigureAwait(false);
    }
}
