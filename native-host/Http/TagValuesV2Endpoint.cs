using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Query.Tags;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET /api/v2/search/tag/{identifier}/values</c>: the values of an attribute or intrinsic, with their types.
/// </summary>
internal sealed class TagValuesV2Endpoint(TempoNode node, TagAnswer answer)
{
    public ApiRoute Route() =>
        new("/api/v2/search/tag/{tagName}/values", "api_v2_search_tag_tagname_values", AllowedMethods.Any, HandleAsync);

    private Task HandleAsync(HttpContext context, string name) => answer.ServeAsync(context, async (tenants, parameters) =>
    {
        var request = new TagValuesRequest
        {
            Name = TagName.Decode(name),
            Query = context.Request.Query["q"].ToString(),
            StartSeconds = parameters.StartSeconds,
            EndSeconds = parameters.EndSeconds,
            MaxValues = parameters.Limit,
        };
        var result = await node.TagValuesAsync(tenants, request, context.RequestAborted).ConfigureAwait(false);
        var body = new TagBody(
            output => TagJson.WriteTypedValues(result, output), output => TagProtobuf.WriteTypedValues(result, output), result.Message);
        return QueryAnswer.WantsLlm(context.Request)
            ? body with { WriteJson = output => TagJson.WriteForModels(result, output), JsonType = QueryAnswer.LlmJson }
            : body;
    });
}
