using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Query.Tags;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/search/tags</c>: the names of all scopes in one list, without the intrinsics.</summary>
internal sealed class TagNamesEndpoint(TempoNode node, TagAnswer answer)
{
    public ApiRoute Route() => new("/api/search/tags", "api_search_tags", AllowedMethods.Any, HandleAsync);

    private Task HandleAsync(HttpContext context, string variable) => answer.ServeAsync(context, async (tenants, parameters) =>
    {
        var request = new TagNamesRequest
        {
            Scope = context.Request.Query["scope"].ToString(),
            StartSeconds = parameters.StartSeconds,
            EndSeconds = parameters.EndSeconds,
        };
        var result = await node.TagNamesAsync(tenants, request, context.RequestAborted).ConfigureAwait(false);
        var names = Flatten(result, request.Scope, parameters.Limit);
        return new TagBody(
            output => TagJson.WriteNames(names, result.InspectedBytes, output),
            output => TagProtobuf.WriteTexts(names, result.InspectedBytes, output),
            result.Message);
    });

    /// <summary>One list, each name once, sorted, cut to the limit (0 = none). Intrinsics are in it only if they were asked for.</summary>
    internal static List<string> Flatten(TagNamesResult result, string scope, int limit)
    {
        var names = result.Scopes
            .Where(names => scope == TagScopes.Intrinsic || names.Scope != TagScopes.Intrinsic)
            .SelectMany(static names => names.Names).Distinct().Order(StringComparer.Ordinal);
        return [.. limit > 0 ? names.Take(limit) : names];
    }
}
