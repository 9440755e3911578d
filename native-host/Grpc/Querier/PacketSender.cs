using Tempo.Engine.Foundation;

namespace Tempo.Host.Grpc.Querier;

/// <summary>Sends an answer in as many messages as it needs.</summary>
internal static class PacketSender
{
    /// <param name="call">Gets the messages, at least one.</param>
    /// <param name="count">Items in the answer.</param>
    /// <param name="write">Writes a message with items from the given one on; the result is the item to go on with.</param>
    public static async ValueTask<GrpcStatus> SendAsync(GrpcCall call, int count, Func<int, NativeBuffer, int> write)
    {
        using var message = new NativeBuffer();
        var next = 0;
        do
        {
            message.Clear();
            next = write(next, message);
            call.WriteMessage(message.Written);
            await call.FlushAsync().ConfigureAwait(false);
        }
        while (next < count);

        return GrpcStatus.Ok;
    }
}
