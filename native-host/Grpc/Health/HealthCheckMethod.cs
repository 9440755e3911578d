namespace Tempo.Host.Grpc.Health;

/// <summary><c>Check</c>: is the process ready? The same as <c>/ready</c>.</summary>
/// <param name="isServing">Asked for each call.</param>
internal sealed class HealthCheckMethod(Func<bool> isServing) : IGrpcMethod
{
    /// <summary>A service name; longer requests are nobody's.</summary>
    internal const int MaxRequestBytes = 64 * 1024;

    public string Path => HealthMessage.Service + "Check";

    public async ValueTask<GrpcStatus> InvokeAsync(GrpcCall call)
    {
        using var body = call.RentBody();
        var status = await call.ReadSingleAsync(body, MaxRequestBytes).ConfigureAwait(false);
        if (status.IsOk) call.WriteMessage(HealthMessage.Response(isServing()));
        return status;
    }
}
