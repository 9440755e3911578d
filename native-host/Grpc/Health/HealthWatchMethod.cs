using Tempo.Host.Startup;

namespace Tempo.Host.Grpc.Health;

/// <summary><c>Watch</c>, server streaming: the state at once, then each change of it, until the client or the process goes.</summary>
internal sealed class HealthWatchMethod(Func<bool> isServing, Lifecycle lifecycle, TimeProvider time) : IGrpcMethod
{
    /// <summary>How soon a change is told. Asking costs nothing.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public string Path => HealthMessage.Service + "Watch";

    public async ValueTask<GrpcStatus> InvokeAsync(GrpcCall call)
    {
        using var body = call.RentBody();
        var status = await call.ReadSingleAsync(body, HealthCheckMethod.MaxRequestBytes).ConfigureAwait(false);
        if (!status.IsOk) return status;
        bool? told = null;
        while (true)
        {
            var now = isServing();
            if (now != told)
            {
                call.WriteMessage(HealthMessage.Response(now));
                await call.FlushAsync().ConfigureAwait(false);
                told = now;
            }

            // A stop must not wait for those who only look on.
            if (lifecycle.IsStopping) return new GrpcStatus(GrpcStatusCode.Unavailable, "the server is stopping");
            await Task.WhenAny(lifecycle.StopRequested, Task.Delay(Interval, time, call.Cancellation)).ConfigureAwait(false);
            call.Cancellation.ThrowIfCancellationRequested();
        }
    }
}
