using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tempo.Host.Config;

namespace Tempo.Host.Receivers;

/// <summary>
/// What stands before everything else of a receiver, on each request: headers that are on every answer, the ends of connections, and
/// browsers of other origins (<see cref="CorsPolicy"/>). Nothing if the configuration says nothing of it.
/// </summary>
internal static class ReceiverFront
{
    private static readonly object Began = new();

    public static Func<HttpContext, Task> Around(ReceiverOptions receiver, TimeProvider time, Func<HttpContext, Task> handle)
    {
        var server = receiver.Server;
        var inner = CorsPolicy.Around(receiver.Cors, handle);
        if (server.ResponseHeaders.Count == 0 && server.AreConnectionsKept && server.MaxConnectionAge == TimeSpan.Zero) return inner;
        return context =>
        {
            foreach (var (name, value) in server.ResponseHeaders) context.Response.Headers[name] = value;
            if (!server.AreConnectionsKept && HttpProtocol.IsHttp11(context.Request.Protocol))
                context.Response.Headers.Connection = "close";
            if (server.MaxConnectionAge > TimeSpan.Zero && IsOld(context, server.MaxConnectionAge, time))
                context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            return inner(context);
        };
    }

    // Counted from the first request. Requests of an HTTP/2 connection run beside each other.
    private static bool IsOld(HttpContext context, TimeSpan age, TimeProvider time)
    {
        if (context.Features.Get<IConnectionItemsFeature>()?.Items is not { } items) return false;
        lock (items)
        {
            if (items.TryGetValue(Began, out var began) && began is long first) return time.GetElapsedTime(first) >= age;
            items[Began] = time.GetTimestamp();
            return false;
        }
    }
}
