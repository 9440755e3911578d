using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Grpc;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/search</c>: traces that match a TraceQL query, or the older tags.</summary>
internal sealed class SearchEndpoint(TempoNode node, TenantResolver tenants, QueryLimits limits, TimeProvider time)
{
    public ApiRoute Route() => new("/api/search", "api_search", AllowedMethods.Any, HandleAsync);

    private async Task HandleAsync(HttpContext context, string variable)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        if (!SearchParameters.TryParse(context.Request.Query, limits.Of(asked), time.GetUtcNow(), out var search, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        try
        {
            var result = search.FindsNothing
                ? new SearchResult()
                : await node.SearchAsync(asked, search.Request, context.RequestAborted).ConfigureAwait(false);
            await WriteAsync(context, result, search.HasSpanSets, limits.ArePadded(asked)).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }

    private static async Task WriteAsync(HttpContext context, SearchResult result, bool hasSpanSets, bool arePadded)
    {
        if (result.Message.Length > 0) context.Response.Headers[QueryAnswer.PartialHeader] = GrpcText.Encode(result.Message);
        using var body = new AnswerBuffer();
        if (QueryAnswer.WantsProtobuf(context.Request))
        {
            SearchProtobuf.Write(result, hasSpanSets, body, arePadded);
            await QueryAnswer.WriteAsync(context, QueryAnswer.Protobuf, body).ConfigureAwait(false);
            return;
        }

        SearchJson.Write(result, hasSpanSets, body, arePadded);
        await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body).ConfigureAwait(false);
    }
}
