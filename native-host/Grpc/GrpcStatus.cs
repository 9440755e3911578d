namespace Tempo.Host.Grpc;

/// <summary>The status codes of gRPC (and of google.rpc.Code); the numbers are the wire's.</summary>
public enum GrpcStatusCode
{
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>How a call ended: a google.rpc.Status with at most one detail.</summary>
/// <param name="Code">See <see cref="GrpcStatusCode"/>.</param>
/// <param name="Message">English text for the developer of the caller; may hold anything, it is escaped when written.</param>
public readonly record struct GrpcStatus(GrpcStatusCode Code, string Message)
{
    public static readonly GrpcStatus Ok = new(GrpcStatusCode.Ok, "");

    public bool IsOk => Code == GrpcStatusCode.Ok;

    /// <summary>Above zero: a google.rpc.RetryInfo detail, which makes the status retryable for OTLP clients whatever its code.</summary>
    public TimeSpan RetryDelay { get; init; }

    /// <summary>Resource exhausted by the request's own size: never to be tried again, and 413 instead of 429 over HTTP.</summary>
    public bool IsTooLarge { get; init; }

    /// <summary>Adds a google.rpc.BadRequest detail with the message as its one violation of this field; null for none.</summary>
    public string? InvalidField { get; init; }
}
