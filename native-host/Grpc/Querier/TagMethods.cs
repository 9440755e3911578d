using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query.Tags;
using Tempo.Host.Http;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// <c>SearchTags</c>, <c>SearchTagsV2</c>, <c>SearchTagValues</c> and <c>SearchTagValuesV2</c>, server streaming with one
/// message: catalogs answer in milliseconds, and the limit on the bytes of an answer keeps it to a message.
/// </summary>
internal sealed class TagMethods(TempoNode node, TenantResolver tenants, QuerierOptions options, TimeProvider time)
{
    private delegate bool Reader(ReadOnlySpan<byte> message, out TagMessage request, out string error);

    private delegate Task<string> Answer(
        TenantSet asked, TagMessage request, TagParameters parameters, NativeBuffer output, CancellationToken cancellation);

    public IGrpcMethod[] All() =>
    [
        new StreamingMethod("SearchTags", call => ServeAsync(call, TagMessage.TryReadNames, NamesAsync)),
        new StreamingMethod("SearchTagsV2", call => ServeAsync(call, TagMessage.TryReadNames, NamesV2Async)),
        new StreamingMethod("SearchTagValues", call => ServeAsync(call, TagMessage.TryReadValues, ValuesAsync)),
        new StreamingMethod("SearchTagValuesV2", call => ServeAsync(call, TagMessage.TryReadValues, ValuesV2Async)),
    ];

    private ValueTask<GrpcStatus> ServeAsync(GrpcCall call, Reader read, Answer answer) => QuerierCall.ServeAsync(
        call, tenants, options.MaxReceiveBytes, GrpcStatusCode.InvalidArgument,
        (asked, body) => AnswerAsync(call, asked, body, read, answer));

    private async ValueTask<GrpcStatus> AnswerAsync(GrpcCall call, TenantSet asked, RequestBody body, Reader read, Answer answer)
    {
        if (!read(body.Buffer.Written, out var request, out var error)) return new GrpcStatus(GrpcStatusCode.Internal, error);
        if (!TagParameters.TryCreate(
            request.Start, request.End, request.Limit, options.Search.Of(asked), time.GetUtcNow(), out var parameters, out error))
            return new GrpcStatus(GrpcStatusCode.InvalidArgument, error);
        using var message = new NativeBuffer();
        var missing = await answer(asked, request, parameters, message, call.Cancellation).ConfigureAwait(false);
        if (missing.Length > 0) call.Trailers[QueryAnswer.PartialHeader] = GrpcText.Encode(missing);
        call.WriteMessage(message.Written);
        return GrpcStatus.Ok;
    }

    private async Task<string> NamesAsync(
        TenantSet asked, TagMessage request, TagParameters parameters, NativeBuffer output, CancellationToken cancellation)
    {
        // The older list does not know a query, and cuts as a whole.
        var result = await node.TagNamesAsync(
            asked, Names(request with { Query = "", Limit = 0 }, parameters with { Limit = 0 }), cancellation).ConfigureAwait(false);
        TagProtobuf.WriteTexts(TagNamesEndpoint.Flatten(result, request.Subject, parameters.Limit), result.InspectedBytes, output);
        return result.Message;
    }

    private async Task<string> NamesV2Async(
        TenantSet asked, TagMessage request, TagParameters parameters, NativeBuffer output, CancellationToken cancellation)
    {
        var result = await node.TagNamesAsync(asked, Names(request, parameters), cancellation).ConfigureAwait(false);
        TagProtobuf.WriteScopes(result, output);
        return result.Message;
    }

    private async Task<string> ValuesAsync(
        TenantSet asked, TagMessage request, TagParameters parameters, NativeBuffer output, CancellationToken cancellation)
    {
        var result =
            await node.LegacyTagValuesAsync(asked, Values(request with { Query = "" }, parameters), cancellation).ConfigureAwait(false);
        TagProtobuf.WriteTexts(result.Values.Select(static value => value.Value), result.InspectedBytes, output);
        return result.Message;
    }

    private async Task<string> ValuesV2Async(
        TenantSet asked, TagMessage request, TagParameters parameters, NativeBuffer output, CancellationToken cancellation)
    {
        var result = await node.TagValuesAsync(asked, Values(request, parameters), cancellation).ConfigureAwait(false);
        TagProtobuf.WriteTypedValues(result, output);
        return result.Message;
    }

    private static TagNamesRequest Names(TagMessage request, TagParameters parameters) => new()
    {
        Scope = request.Subject,
        Query = request.Query,
        StartSeconds = parameters.StartSeconds,
        EndSeconds = parameters.EndSeconds,
        MaxNamesPerScope = parameters.Limit,
    };

    private static TagValuesRequest Values(TagMessage request, TagParameters parameters) => new()
    {
        Name = request.Subject,
        Query = request.Query,
        StartSeconds = parameters.StartSeconds,
        EndSeconds = parameters.EndSeconds,
        MaxValues = parameters.Limit,
    };
}
