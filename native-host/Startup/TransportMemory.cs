using System.Buffers;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Tempo.Host.Startup;

/// <summary>
/// Gives the socket transport our memory. The option exists in both frameworks, as an internal property of different
/// type; net10.0 fills it from a service container, which this process does not have.
/// </summary>
internal static class TransportMemory
{
#if NET10_0_OR_GREATER
    public static void UseLargeBlocks(SocketTransportOptions options) => SetPoolFactory(options, new LargeBlockPoolFactory());

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_MemoryPoolFactory")]
    private static extern void SetPoolFactory(SocketTransportOptions options, IMemoryPoolFactory<byte> factory);

    private sealed class LargeBlockPoolFactory : IMemoryPoolFactory<byte>
    {
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => LargeBlockPool.Instance;
    }
#else
    public static void UseLargeBlocks(SocketTransportOptions options) => SetPoolFactory(options, static () => LargeBlockPool.Instance);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_MemoryPoolFactory")]
    private static extern void SetPoolFactory(SocketTransportOptions options, Func<MemoryPool<byte>> factory);
#endif
}
