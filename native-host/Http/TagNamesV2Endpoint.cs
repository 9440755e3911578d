using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Query.Tags;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/v2/search/tags</c>: the names of each scope, and the intrinsics.</summary>
internal sealed class TagNamesV2Endpoint(TempoNode node, TagAnswer answer)
{
    public ApiRoute Route() => new("/api/v2/search/tags", "api_v2_search_tags", AllowedMethods.Any, HandleAsync);

    private Task HandleAsync(HttpContext context, string variable) => answer.ServeAsync(context, async (tenants, parameters) =>
    {
        var request = new TagNamesRequest
        {
            Scope = context.Request.Query["scope"].ToString(),
            Query = context.Request.Query["q"].ToString(),
            StartSeconds = parameters.StartSeconds,
            EndSeconds = parameters.EndSeconds,
            MaxNamesPerScope = parameters.Limit,
        };
        var result = await node.TagNamesAsync(tenants, request, context.RequestAborted).ConfigureAwait(false);
        return new TagBody(
            output => TagJson.WriteScopes(result, output), output => TagProtobuf.WriteScopes(result, output), result.Message);
    });
}
