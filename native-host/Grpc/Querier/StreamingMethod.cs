namespace Tempo.Host.Grpc.Querier;

/// <summary>A method of <c>tempopb.StreamingQuerier</c>.</summary>
/// <param name="name">Without the service.</param>
/// <param name="serve">See <see cref="IGrpcMethod.InvokeAsync"/>.</param>
internal sealed class StreamingMethod(string name, Func<GrpcCall, ValueTask<GrpcStatus>> serve) : IGrpcMethod
{
    public string Path => QuerierCall.Service + name;

    public ValueTask<GrpcStatus> InvokeAsync(GrpcCall call) => serve(call);
}
