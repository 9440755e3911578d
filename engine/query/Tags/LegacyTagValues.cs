using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Values of a tag as the first version of the API names them: a bare key of a span or resource, or one of a few names that
/// stand for intrinsics.
/// </summary>
public static class LegacyTagValues
{
    /// <summary>Values as text, each once and sorted; the request's name is the tag.</summary>
    public static async Task<TagValuesResult> RunAsync(TagValuesRequest request, TraceSources sources, CancellationToken cancellation)
    {
        switch (request.Name)
        {
            case "status.code":
                return Fixed("error", "ok", "unset");
            case "error":
                return Fixed("true");
            case "root.name":
                return await RunAsync(new AttributeRef(Intrinsic.RootName), request, sources, cancellation).ConfigureAwait(false);
            case "root.service.name":
                return await RunAsync(new AttributeRef(Intrinsic.RootServiceName), request, sources, cancellation).ConfigureAwait(false);
            case "name":
                return await RunAsync(new AttributeRef(Intrinsic.Name), request, sources, cancellation).ConfigureAwait(false);
        }

        // A word that TraceQL knows by itself (status, kind, duration) is no tag here.
        if (TraceQlParser.TryParseAttribute(request.Name, out var known, out _) && known.IsIntrinsic) return new TagValuesResult();
        return await RunAsync(new AttributeRef(AttributeScope.Unscoped, request.Name), request, sources, cancellation)
            .ConfigureAwait(false);
    }

    private static async Task<TagValuesResult> RunAsync(
        AttributeRef attribute, TagValuesRequest request, TraceSources sources, CancellationToken cancellation)
    {
        var typed = await TagValues.RunAsync(attribute, request, sources, cancellation).ConfigureAwait(false);
        var result = new TagValuesResult { InspectedBytes = typed.InspectedBytes, Message = typed.Message };
        result.Values.AddRange(
            typed.Values.Select(static value => value.Value).Distinct().Order(StringComparer.Ordinal)
                .Select(static value => new TagValueResult("string", value)));
        return result;
    }

    private static TagValuesResult Fixed(params ReadOnlySpan<string> words)
    {
        var result = new TagValuesResult();
        foreach (var word in words) result.Values.Add(new TagValueResult("string", word));
        return result;
    }
}
