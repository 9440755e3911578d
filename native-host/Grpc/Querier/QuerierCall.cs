using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>What all methods of <c>tempopb.StreamingQuerier</c> do alike: tenants, the one request message, errors.</summary>
internal static class QuerierCall
{
    public const string Service = "/tempopb.StreamingQuerier/";

    /// <summary>
    /// Reads the request and hands it to <paramref name="answer"/>, with the tenants that are asked about. A query that fails
    /// ends the call with the status of its kind; <paramref name="badRequest"/> is the code for what the client did wrong.
    /// </summary>
    public static async ValueTask<GrpcStatus> ServeAsync(
        GrpcCall call, TenantResolver tenants, int maxBytes, GrpcStatusCode badRequest,
        Func<TenantSet, RequestBody, ValueTask<GrpcStatus>> answer)
    {
        switch (tenants.ResolveSet(call.Headers, out var asked, out var error))
        {
            case TenantFailure.None:
                break;
            case TenantFailure.Missing:
                // The code is Tempo's; clients know the text.
                return new GrpcStatus(GrpcStatusCode.Unknown, error);
            default:
                return new GrpcStatus(GrpcStatusCode.InvalidArgument, error);
        }

        using var body = call.RentBody();
        var status = await call.ReadSingleAsync(body, maxBytes).ConfigureAwait(false);
        if (!status.IsOk) return status;
        try
        {
            return await answer(asked, body).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            return new GrpcStatus(e.Kind == QueryErrorKind.BadRequest ? badRequest : Code(e.Kind), e.Message);
        }
    }

    /// <summary>The status of what a query ended with, but for what the client did wrong.</summary>
    internal static GrpcStatusCode Code(QueryErrorKind kind) => kind switch
    {
        QueryErrorKind.NotImplemented => GrpcStatusCode.Unimplemented,
        QueryErrorKind.TooLarge or QueryErrorKind.Busy => GrpcStatusCode.ResourceExhausted,
        QueryErrorKind.Timeout => GrpcStatusCode.DeadlineExceeded,
        _ => GrpcStatusCode.Internal,
    };
}
