using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Query.Tags;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/search/tag/{name}/values</c>: the values of a bare name, as text.</summary>
internal sealed class TagValuesEndpoint(TempoNode node, TagAnswer answer)
{
    public ApiRoute Route() => new("/api/search/tag/{tagName}/values", "api_search_tag_tagname_values", AllowedMethods.Any, HandleAsync);

    private Task HandleAsync(HttpContext context, string name) => answer.ServeAsync(context, async (tenants, parameters) =>
    {
        var request = new TagValuesRequest
        {
            Name = TagName.Decode(name),
            StartSeconds = parameters.StartSeconds,
            EndSeconds = parameters.EndSeconds,
            MaxValues = parameters.Limit,
        };
        var result = await node.LegacyTagValuesAsync(tenants, request, context.RequestAborted).ConfigureAwait(false);
        return new TagBody(
            output => TagJson.WriteValues(result, output),
            output => TagProtobuf.WriteTexts(result.Values.Select(static value => value.Value), result.InspectedBytes, output),
            result.Message);
    });
}
