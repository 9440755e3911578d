namespace Tempo.Engine.Otlp.Foreign.Thrift;

/// <summary>Types of Thrift, with the numbers of the binary protocol.</summary>
internal enum ThriftType : byte
{
    Stop = 0,
    Bool = 2,
    Byte = 3,
    Double = 4,
    I16 = 6,
    I32 = 8,
    I64 = 10,

    /// <summary>Text or bytes.</summary>
    Binary = 11,
    Struct = 12,
    Map = 13,
    Set = 14,
    List = 15,
}
