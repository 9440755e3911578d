using Microsoft.AspNetCore.Http;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Diff;

/// <summary><c>POST /api/v2/traces/diff</c>: what is different between two traces.</summary>
internal sealed class TraceDiffEndpoint(TraceDiffQuery query, TenantResolver tenants)
{
    private const int MaxBodyBytes = 64 << 10;

    public ApiRoute Route() => new("/api/v2/traces/diff", "api_v2_traces_diff", AllowedMethods.Post, HandleAsync);

    private async Task HandleAsync(HttpContext context, string variable)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        if (await ReadAsync(context).ConfigureAwait(false) is not { } body)
        {
            await QueryAnswer.WriteErrorAsync(
                context, StatusCodes.Status413PayloadTooLarge, $"request body larger than max {MaxBodyBytes} bytes").ConfigureAwait(false);
            return;
        }

        if (!TraceDiffRequest.TryParse(body, out var request, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        try
        {
            using var answer = new AnswerBuffer();
            var (failure, text) = await query.RunAsync(asked, request, answer, context.RequestAborted).ConfigureAwait(false);
            if (failure == DiffFailure.None) await QueryAnswer.WriteAsync(context, QueryAnswer.Json, answer).ConfigureAwait(false);
            else await QueryAnswer.WriteErrorAsync(context, StatusOf(failure), text).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }

    private static int StatusOf(DiffFailure failure) => failure switch
    {
        DiffFailure.NotFound => StatusCodes.Status404NotFound,
        DiffFailure.Partial => StatusCodes.Status422UnprocessableEntity,
        _ => StatusCodes.Status429TooManyRequests,
    };

    // Null if there is more than may be.
    private static async Task<byte[]?> ReadAsync(HttpContext context)
    {
        var body = new byte[MaxBodyBytes + 1];
        var length = await context.Request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, context.RequestAborted)
            .ConfigureAwait(false);
        return length > MaxBodyBytes ? null : body[..length];
    }
}
