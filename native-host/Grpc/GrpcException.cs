namespace Tempo.Host.Grpc;

/// <summary>Ends a call with a status, from where no status can be returned.</summary>
public sealed class GrpcException(GrpcStatus status) : Exception(status.Message)
{
    public GrpcStatus Status { get; } = status;
}
